/** The source files of a mini program project, and their tokens. */
import { readdir, readFile, stat } from 'node:fs/promises'
import path from 'node:path'
import jsTokens from 'js-tokens'

export type SourceFile = { readonly place: string; readonly text: string; readonly tokens: readonly SourceToken[] }
/** White space and comments are left out. */
export type SourceToken = {
  readonly type: string
  readonly value: string
  readonly start: number
  readonly line: number
}

const SOURCE = /\.(?:[jt]sx?|mjs|cjs|vue|wpy|mpx)$/
/** Scripts between templates and styles. */
const SINGLE_FILE = /\.(?:vue|wpy|mpx)$/
const SKIPPED = new Set('node_modules miniprogram_npm uni_modules .git .sampan dist unpackage sampan'.split(' '))
const MAX_FILE_BYTES = 1024 * 1024
const MAX_FILES = 5_000
const NOT_CODE = new Set([
  'WhiteSpace',
  'LineTerminatorSequence',
  'MultiLineComment',
  'SingleLineComment',
  'HashbangComment',
])

/** Every JavaScript or TypeScript file below the folder, sorted by name; libraries and our own files left out. */
export async function readSources(folder: string): Promise<SourceFile[]> {
  const places: string[] = []
  async function visit(at: string): Promise<void> {
    const entries = await readdir(at, { withFileTypes: true }).catch(() => [])
    for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const place = path.join(at, entry.name)
      if (entry.isDirectory() && !SKIPPED.has(entry.name)) await visit(place)
      else if (entry.isFile() && SOURCE.test(entry.name) && places.length < MAX_FILES) places.push(place)
    }
  }
  await visit(folder)

  const sources: SourceFile[] = []
  for (const place of places) {
    if ((await stat(place)).size > MAX_FILE_BYTES) continue
    const text = await readFile(place, 'utf8')
    const scripts = isSingleFile(place) ? componentScripts(text) : [{ start: 0, text }]
    const tokens = scripts.flatMap((script) => tokensOf(script.text, { ...script, hasJsx: !place.endsWith('.ts') }))
    sources.push({ place, text, tokens })
  }
  return sources
}

export const isSingleFile = (place: string) => SINGLE_FILE.test(place)

/** Where the scripts of a single-file component begin, and what they say. */
export function componentScripts(text: string): { start: number; line: number; text: string }[] {
  return [...text.matchAll(/(<script\b[^>]*>)([\s\S]*?)<\/script>/g)].map(({ index, 1: tag = '', 2: script = '' }) => {
    const start = index + tag.length
    return { start, line: text.slice(0, start).split('\n').length, text: script }
  })
}

type Place = { readonly start?: number; readonly line?: number; readonly hasJsx?: boolean }

export function tokensOf(text: string, { start: from = 0, line: fromLine = 1, hasJsx = false }: Place = {}) {
  const tokens: SourceToken[] = []
  let start = from
  let line = fromLine
  for (const { type, value } of jsTokens(text, { jsx: hasJsx })) {
    if (!NOT_CODE.has(type)) tokens.push({ type, value, start, line })
    start += value.length
    line += value.split('\n').length - 1
  }
  return tokens
}

/** Whether the tokens from `at` on have these values. */
export const matches = (tokens: readonly SourceToken[], at: number, values: readonly string[]) =>
  values.every((value, offset) => tokens[at + offset]?.value === value)

/** The content of a string literal without placeholders; undefined for any other token. */
export function literalOf(token: SourceToken | undefined): string | undefined {
  if (token?.type !== 'StringLiteral' && token?.type !== 'NoSubstitutionTemplate') return undefined
  return token.value.slice(1, -1)
}
