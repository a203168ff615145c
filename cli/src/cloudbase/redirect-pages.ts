/**
 * Makes a program's pages call Sampan: `wx.cloud` becomes `sampanCloud`, required from a folder that is added to the
 * program. Every touched file is remembered as it was, so that the change can be taken back to the letter.
 */
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { CommandError } from '../command.ts'
import type { Project } from '../project/load-project.ts'
import { matches, readSources, type SourceFile } from '../project/source-files.ts'
import type { BundledClient } from './bundled-client.ts'

/** The name in pages: unlikely to be taken, and easy to search for. */
const NAME = 'sampanCloud'
const CLIENT_FOLDER = 'sampan'
const UNDO_FILE = '.sampan/import/undo.json'

export type PageEdit = { readonly file: string; readonly before: string; readonly after: string; readonly uses: number }
type Undo = {
  readonly added: readonly string[]
  readonly edits: readonly { file: string; before: string; afterSha256: string }[]
}

/** The edits that would be made; nothing is written. */
export async function planPageEdits(project: Project): Promise<PageEdit[]> {
  const sources = await readSources(project.miniprogramRoot)
  return sources
    .filter(({ place }) => !project.functionsRoot || !place.startsWith(project.functionsRoot + path.sep))
    .flatMap((source) => editOf(source, project.miniprogramRoot))
}

function editOf({ place, text, tokens }: SourceFile, root: string): PageEdit[] {
  const spans = tokens.flatMap((token, at) => {
    const last = tokens[at + 2]
    const isCloud = matches(tokens, at, ['wx', '.', 'cloud']) && tokens[at - 1]?.value !== '.' && last
    return isCloud ? [{ start: token.start, end: last.start + last.value.length }] : []
  })
  if (spans.length === 0) return []
  const rewritten = spans.reduceRight(
    (result, { start, end }) => result.slice(0, start) + NAME + result.slice(end),
    text,
  )
  const client = path
    .relative(path.dirname(place), path.join(root, CLIENT_FOLDER, 'index.js'))
    .replaceAll(path.sep, '/')
  const from = client.startsWith('.') ? client : `./${client}`
  const isModule =
    place.endsWith('.ts') ||
    tokens.some(({ value }, at) => value === 'import' && tokens[at + 1]?.value !== '(' && tokens[at - 1]?.value !== '.')
  // The semicolon matters: a file may go on with a parenthesis, which would otherwise call what require() returns.
  const keyword = isModule && place.endsWith('.ts') ? 'import' : 'const'
  const line = `${keyword} ${NAME} = require('${from}');\n`
  return [{ file: place, before: text, after: insertAfterDirective(rewritten, line), uses: spans.length }]
}

/** Below `'use strict'` and a hashbang, which must come first. */
function insertAfterDirective(text: string, line: string): string {
  const head = /^(?:\uFEFF)?(?:#![^\n]*\n)?(?:\s*(['"])use strict\1;?[^\n]*\n)?/.exec(text)?.[0] ?? ''
  return head + line + text.slice(head.length)
}

/**
 * Writes the edits and the client's folder.
 * @throws {CommandError} if the program was redirected already
 */
export async function redirectPages(
  project: Project,
  edits: readonly PageEdit[],
  bundle: BundledClient,
): Promise<void> {
  const undoPlace = path.join(project.root, UNDO_FILE)
  if (existsSync(undoPlace)) {
    throw new CommandError(
      'The pages of this project call Sampan already.',
      'Take it back first: sampan import cloudbase DIR --undo',
    )
  }
  const added = Object.entries(clientFiles(bundle)).map(([name, text]) => ({
    place: path.join(project.miniprogramRoot, CLIENT_FOLDER, name),
    text,
  }))
  const undo: Undo = {
    added: added.map(({ place }) => path.relative(project.root, place)),
    edits: edits.map(({ file, before, after }) => ({
      file: path.relative(project.root, file),
      before,
      afterSha256: sha256(after),
    })),
  }
  // The way back is written before the first change.
  await writeWithFolder(undoPlace, JSON.stringify(undo))
  for (const { place, text } of added) await writeWithFolder(place, text)
  for (const { file, after } of edits) await writeFile(file, after)
}

/** @throws {CommandError} if there is nothing to take back, or a file was changed since then */
export async function undoRedirect(project: Project): Promise<{ restored: string[] }> {
  const undoPlace = path.join(project.root, UNDO_FILE)
  if (!existsSync(undoPlace))
    throw new CommandError('There is nothing to take back in this project.', 'sampan import cloudbase DIR')
  const { added, edits } = JSON.parse(await readFile(undoPlace, 'utf8')) as Undo // safe: redirectPages wrote it

  const changed: string[] = []
  for (const { file, before, afterSha256 } of edits) {
    const text = await readFile(path.join(project.root, file), 'utf8').catch(() => '')
    if (text !== before && sha256(text) !== afterSha256) changed.push(file)
  }
  if (changed.length > 0) {
    throw new CommandError(
      `These files were changed after the import:\n  ${changed.join('\n  ')}`,
      `Rewrite ${NAME} to wx.cloud in them by hand, or restore them from version control, then run --undo again.`,
    )
  }
  for (const { file, before } of edits) await writeFile(path.join(project.root, file), before)
  for (const file of added) await rm(path.join(project.root, file), { force: true })
  await rm(undoPlace)
  return { restored: edits.map(({ file }) => file) }
}

/** What is added to the program: the client, where the server is, and the two put together. */
function clientFiles({ client, realtime }: BundledClient): Record<string, string> {
  return {
    'client.js': client,
    'realtime.js': realtime,
    'server.js': [
      '// The address of your server, for each version of the mini program (domains must be listed in the WeChat console).',
      '// 各版本小程序使用的服务器地址(域名须在微信公众平台配置)。',
      'module.exports = {',
      "  develop: 'http://127.0.0.1:8080',",
      "  trial: 'https://api.example.com',",
      "  release: 'https://api.example.com',",
      '}',
      '',
    ].join('\n'),
    'index.js': [
      "const cloud = require('./client.js')",
      '',
      "cloud.init({ url: require('./server.js'), realtime: require('./realtime.js') })",
      '',
      'module.exports = cloud',
      '',
    ].join('\n'),
  }
}

async function writeWithFolder(place: string, text: string) {
  await mkdir(path.dirname(place), { recursive: true })
  await writeFile(place, text)
}

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')
