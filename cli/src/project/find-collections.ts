/**
 * Names of collections in the code of a project that declares none. In CloudBase these were made in its console, where
 * a copy of the code cannot see them; the code names them as literals, as constants, or only as an event's field.
 */
import { literalOf, readSources, type SourceFile, type SourceToken } from './source-files.ts'

const NAME = /^[A-Za-z_][\w-]{0,63}$/
/** Constants that name a collection even if only an event carries them to `collection(event.list)`. */
const TELLING_KEY = /coll(?:ection)?|^db[A-Z]|table/i
const METHODS = new Set(['collection', 'createCollection'])

/** A function of the project that hands one of its parameters to `collection(…)`. */
type Wrapper = { readonly name: string; readonly parameter: number }

/** Every string constant of the project by the name it is given: `{ dbAdmin: 'admins' }`, `const LIST = 'list'`. */
export type Constants = ReadonlyMap<string, ReadonlySet<string>>

/** Sorted, each once. Folders that are missing are passed over. */
export async function findCollectionNames(folders: readonly (string | undefined)[]): Promise<string[]> {
  const sources: SourceFile[] = []
  for (const folder of folders) if (folder) sources.push(...(await readSources(folder)))
  return collectionNames(sources)
}

export function collectionNames(sources: readonly SourceFile[]): string[] {
  const constants = findConstants(sources)
  const names = new Set<string>()
  // One call that names no literal may mean any collection that a telling constant names.
  let isDynamic = false
  for (const { tokens } of sources) {
    tokens.forEach((_, at) => {
      const found = namesAt(tokens, at, constants)
      if (found && literalOf(tokens[at + 2]) === undefined) isDynamic = true
      for (const name of found ?? []) names.add(name)
    })
  }
  for (const name of wrappedNames(sources)) names.add(name)
  if (isDynamic) {
    for (const [key, values] of constants) if (TELLING_KEY.test(key)) for (const value of values) names.add(value)
  }
  return [...names].filter((name) => NAME.test(name)).sort()
}

/** The names that `collection(…)` at this token may mean; empty if the code does not tell; undefined if it is no such call. */
export function namesAt(tokens: readonly SourceToken[], at: number, constants: Constants): string[] | undefined {
  if (!METHODS.has(tokens[at]?.value ?? '') || tokens[at + 1]?.value !== '(' || tokens[at - 1]?.value === 'function')
    return undefined
  const argument: SourceToken[] = []
  let depth = 0
  for (let index = at + 2; index < tokens.length; index += 1) {
    const token = tokens[index] as SourceToken // safe: within the bounds
    if (token.value === '(') depth += 1
    if (token.value === ')' && depth === 0) break
    if (token.value === ')') depth -= 1
    argument.push(token)
  }
  const last = argument.at(-1)
  if (!last) return undefined
  const literal = argument.length === 1 ? literalOf(last) : undefined
  if (literal !== undefined) return [literal]
  // `CFG.name`, `getApp().globalData.name`
  const isChain = argument.every(
    ({ value, type }) => type === 'IdentifierName' || ['.', '?.', '(', ')'].includes(value),
  )
  return isChain ? [...(constants.get(last.value) ?? [])] : []
}

export function findConstants(sources: readonly SourceFile[]): Constants {
  const constants = new Map<string, Set<string>>()
  for (const { tokens } of sources) {
    tokens.forEach((token, at) => {
      const sign = tokens[at + 1]?.value
      const value = sign === ':' || sign === '=' ? literalOf(tokens[at + 2]) : undefined
      const key = token.type === 'IdentifierName' ? token.value : literalOf(token)
      if (!key || value === undefined || !NAME.test(value)) return
      constants.set(key, (constants.get(key) ?? new Set()).add(value))
    })
  }
  return constants
}

/** `getAll('posts')` where `getAll(name) { return db.collection(name)… }`. */
function wrappedNames(sources: readonly SourceFile[]): string[] {
  const wrappers = sources.flatMap(({ tokens }) => tokens.flatMap((_, at) => wrapperAt(tokens, at) ?? []))
  return sources.flatMap(({ tokens }) =>
    tokens.flatMap(({ value }, at) => {
      if (tokens[at + 1]?.value !== '(') return []
      const called = wrappers.filter(({ name }) => name === value)
      return called.flatMap(({ parameter }) => literalOf(argumentsAt(tokens, at + 1)[parameter]?.[0]) ?? [])
    }),
  )
}

/** The function around `collection(parameter)`: the nearest parameter list before it that has this name. */
function wrapperAt(tokens: readonly SourceToken[], at: number): Wrapper | undefined {
  const parameterName = tokens[at + 2]?.value
  const isCall = tokens[at]?.value === 'collection' && tokens[at + 1]?.value === '(' && tokens[at + 3]?.value === ')'
  if (!isCall || tokens[at + 2]?.type !== 'IdentifierName') return undefined
  for (let index = at - 1; index >= 0; index -= 1) {
    if (tokens[index]?.value !== '(') continue
    const parameters = argumentsAt(tokens, index)
    const parameter = parameters.findIndex(([first]) => first?.value === parameterName)
    const end = index + 1 + parameters.reduce((sum, tokensOfOne) => sum + tokensOfOne.length + 1, 0)
    const opens = [tokens[end - 1]?.value, tokens[end]?.value]
    if (parameter < 0 || !opens.some((value) => value === '{' || value === '=>')) continue
    const name = functionName(tokens, index)
    return name ? { name, parameter } : undefined
  }
  return undefined
}

/** `name(…) {`, `name: function (…)`, `name = async (…) =>`, `function name(…)`. */
function functionName(tokens: readonly SourceToken[], parenthesis: number): string | undefined {
  let at = parenthesis - 1
  while (['function', 'async', '*'].includes(tokens[at]?.value ?? '')) at -= 1
  if (tokens[at]?.value === ':' || tokens[at]?.value === '=') at -= 1
  return tokens[at]?.type === 'IdentifierName' ? tokens[at]?.value : undefined
}

/** The tokens of each argument of the call whose parenthesis opens at `open`. */
function argumentsAt(tokens: readonly SourceToken[], open: number): SourceToken[][] {
  const found: SourceToken[][] = [[]]
  let depth = 0
  for (let index = open + 1; index < tokens.length; index += 1) {
    const token = tokens[index] as SourceToken // safe: within the bounds
    if (depth === 0 && token.value === ')') break
    if ('([{'.includes(token.value)) depth += 1
    if (')]}'.includes(token.value)) depth -= 1
    if (depth === 0 && token.value === ',') found.push([])
    else found.at(-1)?.push(token)
  }
  return found
}
