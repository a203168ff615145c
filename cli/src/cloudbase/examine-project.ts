/** Looks at a CloudBase project without changing it: what is used, what will work, what needs attention. */
import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import type { Project } from '../project/load-project.ts'
import { literalOf, readSources, type SourceFile, type SourceToken } from '../project/source-files.ts'
import { type CollectionUsage, findCollectionUsage } from './collection-usage.ts'
import { findMissingVariables } from './environment-usage.ts'
import { cloudMembers, isAssigned, pagesRoot, readPages } from './page-edits.ts'

export type Examination = {
  readonly name: string
  readonly pages: { readonly files: number; readonly withCloud: readonly string[] }
  readonly functions: readonly FunctionFacts[]
  /** Members of `wx.cloud` and of `cloud` in functions, with how often. */
  readonly clientApis: Readonly<Record<string, number>>
  readonly serverApis: Readonly<Record<string, number>>
  readonly collections: readonly CollectionUsage[]
  /** `cloud://` literals in code and pages. */
  readonly cloudIds: readonly Place[]
  readonly attention: readonly Attention[]
}

export type FunctionFacts = { readonly name: string; readonly sdk: string | undefined; readonly timers: number }
export type Place = { readonly file: string; readonly line: number }
export type Attention = Place & { readonly topic: AttentionTopic; readonly what: string }
export type AttentionTopic =
  | 'api'
  | 'cloud-assigned'
  | 'cloud-taken-apart'
  | 'cloud-id'
  | 'no-entry'
  | 'broken-json'
  | 'variable'

/** Members of `wx.cloud` that the client has; others answer a clear error. */
const CLIENT_APIS = new Set(
  'init callFunction database uploadFile downloadFile getTempFileURL deleteFile CloudID CDN callContainer connectContainer Cloud DYNAMIC_CURRENT_ENV'.split(
    ' ',
  ),
)
/** Exports of wx-server-sdk whose work needs Tencent's own services. */
const UNSERVED_SERVER_APIS = new Set(['getCloudCallSign', 'ai', 'models'])
const CLOUD_ID = /cloud:\/\/[\w.-]+\//
/** Pages and styles in which an image may name a cloud:// file. */
const MARKUP = /\.(?:wxml|wxss)$/

export async function examineProject(project: Project): Promise<Examination> {
  const functionFiles = project.functionsRoot ? await readSources(project.functionsRoot) : []
  const pageFiles = await readPages(project)
  const relative = (place: string) => path.relative(project.root, place)
  const clientApis = countMembers(pageFiles, cloudMembers)
  const serverApis = countMembers(functionFiles, serverMembers)
  const cloudIds = [...pageFiles, ...functionFiles].flatMap((file) => cloudIdPlaces(file, relative))
  cloudIds.push(...(await markupCloudIds(pagesRoot(project), relative)))
  const functions = await functionFacts(project.functionsRoot)

  return {
    name: project.name,
    pages: {
      files: pageFiles.length,
      withCloud: pageFiles.filter(({ tokens }) => cloudMembers(tokens).length > 0).map(({ place }) => relative(place)),
    },
    functions: functions.facts,
    clientApis,
    serverApis,
    collections: findCollectionUsage(pageFiles, functionFiles),
    cloudIds,
    attention: [
      ...functions.problems.map((problem) => ({ ...problem, file: relative(problem.file) })),
      ...pageFiles.flatMap((file) => clientAttention(file, relative)),
      ...functionFiles.flatMap((file) => serverAttention(file, relative)),
      ...findMissingVariables(project.functionsRoot ?? '', functionFiles).map(
        ({ file, line, what }): Attention => ({ file: relative(file), line, topic: 'variable', what }),
      ),
    ],
  }
}

type Member = { readonly member: string; readonly line: number }

/** `cloud.database` in functions, where everybody calls the SDK `cloud`. */
function serverMembers(tokens: readonly SourceToken[]): Member[] {
  return tokens.flatMap((token, at) => {
    const member = token.value === 'cloud' && tokens[at - 1]?.value !== '.' ? memberAfter(tokens, at + 1) : undefined
    return member ? [{ member, line: token.line }] : []
  })
}

function countMembers(
  files: readonly SourceFile[],
  membersOf: (tokens: readonly SourceToken[]) => readonly Member[],
): Record<string, number> {
  const counts = new Map<string, number>()
  for (const { member } of files.flatMap(({ tokens }) => membersOf(tokens)))
    counts.set(member, (counts.get(member) ?? 0) + 1)
  return Object.fromEntries([...counts].sort(([, a], [, b]) => b - a))
}

const memberAfter = (tokens: readonly SourceToken[], at: number) =>
  tokens[at]?.value === '.' && tokens[at + 1]?.type === 'IdentifierName' ? tokens[at + 1]?.value : undefined

function clientAttention({ place, tokens }: SourceFile, relative: (place: string) => string): Attention[] {
  const file = relative(place)
  const unknown = cloudMembers(tokens)
    .filter(({ member }) => !CLIENT_APIS.has(member))
    .map(({ member, line }): Attention => ({ file, line, topic: 'api', what: `wx.cloud.${member}` }))
  // `const { cloud } = wx` hides the cloud from a rewrite.
  const takenApart = tokens.filter(
    ({ value }, at) =>
      value === 'wx' && tokens[at - 1]?.value === '=' && tokens[at - 2]?.value === '}' && tokens[at + 1]?.value !== '.',
  )
  const assigned = tokens.filter((_, at) => isAssigned(tokens, at))
  return [
    ...unknown,
    ...assigned.map(
      ({ line, value }): Attention => ({ file, line, topic: 'cloud-assigned', what: `${value}.cloud = …` }),
    ),
    ...takenApart.map(
      ({ line }): Attention => ({ file, line, topic: 'cloud-taken-apart', what: 'const { cloud } = wx' }),
    ),
  ]
}

function serverAttention({ place, tokens }: SourceFile, relative: (place: string) => string): Attention[] {
  return serverMembers(tokens)
    .filter(({ member }) => UNSERVED_SERVER_APIS.has(member))
    .map(({ member, line }) => ({ file: relative(place), line, topic: 'api', what: `cloud.${member}` }))
}

function cloudIdPlaces({ place, tokens }: SourceFile, relative: (place: string) => string): Place[] {
  return tokens
    .filter((token) => CLOUD_ID.test(literalOf(token) ?? (token.type.startsWith('Template') ? token.value : '')))
    .map(({ line }) => ({ file: relative(place), line }))
}

async function markupCloudIds(root: string, relative: (place: string) => string): Promise<Place[]> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true }).catch(() => [])
  const places: Place[] = []
  for (const entry of entries) {
    if (!entry.isFile() || !MARKUP.test(entry.name) || entry.parentPath.includes('node_modules')) continue
    const place = path.join(entry.parentPath, entry.name)
    const lines = (await readFile(place, 'utf8')).split('\n')
    lines.forEach((text, at) => {
      if (CLOUD_ID.test(text)) places.push({ file: relative(place), line: at + 1 })
    })
  }
  return places
}

async function functionFacts(root: string | undefined): Promise<{ facts: FunctionFacts[]; problems: Attention[] }> {
  const facts: FunctionFacts[] = []
  const problems: Attention[] = []
  const entries = root ? await readdir(root, { withFileTypes: true }) : []
  for (const entry of entries.filter((candidate) => candidate.isDirectory() && candidate.name !== 'node_modules')) {
    const folder = path.join(root ?? '', entry.name)
    const read = async (name: string) => {
      const place = path.join(folder, name)
      if (!existsSync(place)) return {}
      try {
        return JSON.parse((await readFile(place, 'utf8')).replace(/^\uFEFF/, '')) as Record<
          string,
          Record<string, string>
        > // safe: fields are only shown
      } catch {
        problems.push({ file: place, line: 1, topic: 'broken-json', what: name })
        return {}
      }
    }
    const manifest = await read('package.json')
    const { triggers } = await read('config.json')
    const hasEntry = ['index.js', 'index.ts', 'index.mjs', 'index.cjs', String(manifest['main'] ?? '')].some(
      (name) => name !== '' && existsSync(path.join(folder, name)),
    )
    if (!hasEntry) {
      problems.push({ file: folder, line: 1, topic: 'no-entry', what: entry.name })
      continue
    }
    facts.push({
      name: entry.name,
      sdk: manifest['dependencies']?.['wx-server-sdk'],
      timers: Array.isArray(triggers) ? triggers.length : 0,
    })
  }
  return { facts, problems }
}
