/**
 * What has to change in a program's pages for them to call Sampan: `wx.cloud` becomes `sampanCloud`, and each file that
 * says so loads it. Nothing is written here.
 */
import path from 'node:path'
import type { Project } from '../project/load-project.ts'
import {
  componentScripts,
  isSingleFile,
  literalOf,
  matches,
  readSources,
  type SourceFile,
  type SourceToken,
} from '../project/source-files.ts'
import { CLIENT_FOLDER } from './client-files.ts'

export type PageEdit = { readonly file: string; readonly before: string; readonly after: string; readonly uses: number }

/** The name in pages: unlikely to be taken, and easy to search for. */
export const CLIENT_NAME = 'sampanCloud'
/** Frameworks offer the cloud under their own name, too. */
const HOSTS = ['wx', 'Taro', 'uni']
const TARO = '@tarojs/taro'

type Change = { readonly start: number; readonly end: number; readonly text: string }

/** Where people write the pages of this program. */
export const pagesRoot = ({ framework, miniprogramRoot }: Project) => framework?.sourceRoot ?? miniprogramRoot

/** The folder that is added, as people see it in their project. */
export const clientFolder = (project: Project) =>
  path.join(path.relative(project.root, pagesRoot(project)), CLIENT_FOLDER).replaceAll(path.sep, '/')

/** The program's own sources, without the functions. */
export async function readPages(project: Project): Promise<SourceFile[]> {
  const { functionsRoot } = project
  const sources = await readSources(pagesRoot(project))
  return sources.filter(({ place }) => !functionsRoot || !place.startsWith(functionsRoot + path.sep))
}

/** The members of the cloud that these tokens name, each with its line: `wx.cloud.init`, or `cloud.init` imported from Taro. */
export function cloudMembers(tokens: readonly SourceToken[]): { member: string; line: number }[] {
  const imported = importedCloud(tokens)?.name
  return tokens.flatMap((token, at) => {
    const isImported = token.value === imported && tokens[at - 1]?.value !== '.'
    const dot = isClientCloud(tokens, at) ? at + 3 : isImported ? at + 1 : undefined
    const member = dot !== undefined && ['.', '?.'].includes(tokens[dot]?.value ?? '') ? tokens[dot + 1] : undefined
    return member?.type === 'IdentifierName' ? [{ member: member.value, line: token.line }] : []
  })
}

/** `Taro.cloud = …`, such as for the web: what is imported cannot be assigned. */
export const isAssigned = (tokens: readonly SourceToken[], at: number) =>
  isClientCloud(tokens, at) && tokens[at + 3]?.value === '='

/** Whether `wx.cloud`, `Taro.cloud` or `uni.cloud` begins at this token. */
const isClientCloud = (tokens: readonly SourceToken[], at: number) =>
  HOSTS.some((host) => matches(tokens, at, [host, '.', 'cloud'])) && tokens[at - 1]?.value !== '.'

export async function planPageEdits(project: Project): Promise<PageEdit[]> {
  const sources = await readPages(project)
  return sources.flatMap((source) => editOf(source, project))
}

function editOf({ place, text, tokens }: SourceFile, project: Project): PageEdit[] {
  const uses = tokens.flatMap((token, at): Change[] => {
    const last = tokens[at + 2]
    if (!last || !isClientCloud(tokens, at) || isAssigned(tokens, at)) return []
    return [{ start: token.start, end: last.start + last.value.length, text: CLIENT_NAME }]
  })
  const imported = project.framework?.name === 'taro' ? importedCloud(tokens) : undefined
  const changes = imported ? [...uses, imported.removal] : uses
  if (changes.length === 0) return []

  const target = path.relative(path.dirname(place), path.join(pagesRoot(project), CLIENT_FOLDER, 'index.js'))
  const posix = target.replaceAll(path.sep, '/')
  const from = posix.startsWith('.') ? posix : `./${posix}`
  const names = [...(uses.length > 0 ? [CLIENT_NAME] : []), ...(imported ? [imported.name] : [])]
  const lines = names.map((name) =>
    loadingLine(name, from, { place, tokens, isBuilt: project.framework !== undefined }),
  )
  const additions = insertionPlaces(place, text, changes).map((start) => ({ start, end: start, text: lines.join('') }))
  const after = [...changes, ...additions]
    .sort((a, b) => b.start - a.start)
    .reduce((result, change) => result.slice(0, change.start) + change.text + result.slice(change.end), text)
  return [{ file: place, before: text, after, uses: uses.length + (imported ? 1 : 0) }]
}

/** `import { cloud } from '@tarojs/taro'`: what it is called here, and how it is taken out of the braces. */
function importedCloud(tokens: readonly SourceToken[]): { name: string; removal: Change } | undefined {
  const from = tokens.findIndex((token, at) => literalOf(token) === TARO && tokens[at - 1]?.value === 'from')
  if (from < 0) return undefined
  const begin = tokens.findLastIndex(({ value }, at) => at < from && value === 'import')
  const at = tokens.findIndex(({ value }, index) => index > begin && index < from && value === 'cloud')
  const token = tokens[at]
  if (!token) return undefined
  const isRenamed = tokens[at + 1]?.value === 'as'
  const last = tokens[at + (isRenamed ? 2 : 0)] ?? token
  const comma = tokens[at + (isRenamed ? 3 : 1)]
  const end = comma?.value === ',' ? comma : last
  return { name: last.value, removal: { start: token.start, end: end.start + end.value.length, text: '' } }
}

type Loading = { readonly place: string; readonly tokens: readonly SourceToken[]; readonly isBuilt: boolean }

function loadingLine(name: string, from: string, { place, isBuilt }: Loading): string {
  if (isBuilt) return `import ${name} from '${from}';\n`
  // The semicolon matters: a file may go on with a parenthesis, which would otherwise call what require() returns.
  return `${place.endsWith('.ts') ? 'import' : 'const'} ${name} = require('${from}');\n`
}

/** Where the loading lines go: the beginning of the file, or of each script of a component that was changed. */
function insertionPlaces(place: string, text: string, changes: readonly Change[]): number[] {
  if (!isSingleFile(place)) return [directiveEnd(text)]
  return componentScripts(text)
    .filter((script) => changes.some(({ start }) => start >= script.start && start < script.start + script.text.length))
    .map((script) => script.start + (script.text.startsWith('\r\n') ? 2 : script.text.startsWith('\n') ? 1 : 0))
}

/** Below `'use strict'` and a hashbang, which must come first. */
const directiveEnd = (text: string) =>
  /^(?:\uFEFF)?(?:#![^\n]*\n)?(?:\s*(['"])use strict\1;?[^\n]*\n)?/.exec(text)?.[0].length ?? 0
