/** One thing that the vendor's client can ask, and what must come back. */

// biome-ignore-all lint/suspicious/noExplicitAny: the vendor’s client has no types
export type VendorContext = {
  readonly db: any
  readonly _: any
  readonly $: any
  readonly c: any
  readonly coll: string
}
export type Ask = (context: VendorContext) => any

export type VendorCase = {
  readonly title: string
  readonly records: readonly object[]
  readonly ask: Ask
  /** The answer, a test of it, or a refusal. */
  readonly wanted: unknown
}

export class Refusal {
  readonly code: string
  readonly text: RegExp

  constructor(code: string, text: RegExp) {
    this.code = code
    this.text = text
  }
}

export const refused = (code: string, text = /./) => new Refusal(code, text)
