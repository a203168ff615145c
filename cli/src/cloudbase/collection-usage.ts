/** How the code uses its collections: what it asks of each, and the indexes that these questions want. */
import { type Constants, collectionNames, findConstants, namesAt } from '../project/find-collections.ts'
import { literalOf, matches, type SourceFile, type SourceToken } from '../project/source-files.ts'

export type CollectionUsage = {
  readonly name: string
  /** Methods that pages call on it, such as `get`, `add`: these are under the collection's permission. */
  readonly fromPages: readonly string[]
  readonly fromFunctions: readonly string[]
  /** Whether it may be one of those that pages ask for by a name which the code does not tell. */
  readonly mayBeFromPages: boolean
  /** Fields that are compared and sorted by, as indexes; the owner's field has its own always. */
  readonly indexes: readonly Record<string, 1 | -1>[]
}

const READS = new Set(['get', 'count', 'watch', 'end'])

/** Whether pages show what others wrote: under PRIVATE, the default, such a page stays empty. */
export const isOnlyShown = ({ fromPages }: CollectionUsage) =>
  fromPages.length > 0 && fromPages.every((method) => READS.has(method))

type Found = { pages: Set<string>; functions: Set<string>; indexes: Map<string, Record<string, 1 | -1>> }

/** Tokens of one statement that are looked at; a chain longer than this is rare. */
const CHAIN_TOKENS = 400
const ENDS = new Set(['get', 'add', 'update', 'remove', 'set', 'count', 'watch', 'end'])
const MAX_INDEX_FIELDS = 4

export function findCollectionUsage(pages: readonly SourceFile[], functions: readonly SourceFile[]): CollectionUsage[] {
  const sources = [...pages, ...functions]
  const constants: Constants = findConstants(sources)
  const found = new Map(
    collectionNames(sources).map((name): [string, Found] => [
      name,
      { pages: new Set(), functions: new Set(), indexes: new Map() },
    ]),
  )
  for (const [files, side] of [
    [pages, 'pages'],
    [functions, 'functions'],
  ] as const) {
    for (const { tokens } of files) {
      tokens.forEach((_, at) => {
        for (const name of namesAt(tokens, at, constants) ?? []) {
          const entry = found.get(name)
          if (entry) readChain(tokens, at, side, entry)
        }
      })
    }
  }
  const hasUnnamed = pages.some(({ tokens }) => tokens.some((_, at) => namesAt(tokens, at, constants)?.length === 0))
  return [...found]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, { pages: fromPages, functions: fromFunctions, indexes }]) => ({
      name,
      fromPages: [...fromPages].sort(),
      fromFunctions: [...fromFunctions].sort(),
      mayBeFromPages: hasUnnamed && fromPages.size === 0,
      indexes: [...indexes.values()],
    }))
}

/** Follows `.where({…}).orderBy('a', 'desc').get()` to its end. */
function readChain(tokens: readonly SourceToken[], start: number, side: 'pages' | 'functions', entry: Found) {
  const compared: string[] = []
  const sorted: [string, 1 | -1][] = []
  let depth = 0
  for (let at = start + 1; at < Math.min(tokens.length, start + CHAIN_TOKENS); at += 1) {
    const { value } = tokens[at] as SourceToken // safe: within the bounds
    if (value === '(' || value === '{' || value === '[') depth += 1
    else if (value === ')' || value === '}' || value === ']') depth -= 1
    if (depth < 0 || (depth === 0 && (value === ';' || value === ','))) break
    if (depth !== 0 || value !== '.') continue
    const method = tokens[at + 1]?.value ?? ''
    if (method === 'where' && matches(tokens, at + 2, ['(', '{'])) compared.push(...topLevelKeys(tokens, at + 4))
    if (method === 'orderBy') sorted.push(...sortKey(tokens, at + 3))
    if (ENDS.has(method)) entry[side].add(method)
    if (method === 'collection') break
  }
  const fields = Object.fromEntries(
    [
      ...compared.filter((field) => field !== '_openid' && field !== '_id').map((field): [string, 1] => [field, 1]),
      ...sorted.filter(([field]) => field !== '_id'),
    ].slice(0, MAX_INDEX_FIELDS),
  )
  if (Object.keys(fields).length > 0) entry.indexes.set(JSON.stringify(fields), fields)
}

/** Keys of the object literal that begins before `at`: `a`, `'b.c'`, shorthand `d`. */
function topLevelKeys(tokens: readonly SourceToken[], at: number): string[] {
  const keys: string[] = []
  let depth = 0
  for (let index = at; index < tokens.length && depth >= 0; index += 1) {
    const token = tokens[index] as SourceToken // safe: within the bounds
    const before = tokens[index - 1]?.value
    const isKeyPlace = depth === 0 && (before === '{' || before === ',')
    const next = tokens[index + 1]?.value
    if (isKeyPlace && (next === ':' || next === ',' || next === '}')) {
      const key = literalOf(token) ?? (token.type === 'IdentifierName' ? token.value : undefined)
      if (key && !key.startsWith('$')) keys.push(key)
    }
    if (token.value === '(' || token.value === '{' || token.value === '[') depth += 1
    if (token.value === ')' || token.value === '}' || token.value === ']') depth -= 1
  }
  return keys
}

function sortKey(tokens: readonly SourceToken[], at: number): [string, 1 | -1][] {
  const field = literalOf(tokens[at])
  if (!field) return []
  return [[field, literalOf(tokens[at + 2]) === 'desc' ? -1 : 1]]
}
