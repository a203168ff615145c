import { Refusal } from './refusal.ts'

export type Pages = {
  /** @throws {Refusal} 41030 if the published mini program has no such page */
  check(pathAndQuery: string): void
}

/** The pages of the published version. Without a list every well-formed path is taken for a page. */
export function openPages(published: readonly string[] | undefined): Pages {
  return {
    check(pathAndQuery) {
      const [path = ''] = pathAndQuery.split('?')
      // A leading slash is the usual mistake, and WeChat refuses it for codes.
      const isWellFormed = /^[\w-]+(\/[\w-]+)*$/.test(path)
      if (!isWellFormed || (published && !published.includes(path))) throw new Refusal(41030)
    },
  }
}
