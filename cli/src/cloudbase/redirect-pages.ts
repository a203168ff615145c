/**
 * Makes a program's pages call Sampan, and takes it back: every touched file is remembered as it was, so that it can be
 * restored to the letter.
 */
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { CommandError } from '../command.ts'
import type { Project } from '../project/load-project.ts'
import type { BundledClient } from './bundled-client.ts'
import { CLIENT_FOLDER, moduleFiles, plainFiles } from './client-files.ts'
import { CLIENT_NAME, type PageEdit, pagesRoot } from './page-edits.ts'

const UNDO_FILE = '.sampan/import/undo.json'

type Undo = {
  readonly added: readonly string[]
  readonly edits: readonly { file: string; before: string; afterSha256: string }[]
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
  const files = project.framework ? moduleFiles(bundle) : plainFiles(bundle)
  const added = Object.entries(files).map(([name, text]) => ({
    place: path.join(pagesRoot(project), CLIENT_FOLDER, name),
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
      `Rewrite ${CLIENT_NAME} to wx.cloud in them by hand, or restore them from version control, then run --undo again.`,
    )
  }
  for (const { file, before } of edits) await writeFile(path.join(project.root, file), before)
  for (const file of added) await rm(path.join(project.root, file), { force: true })
  await rm(undoPlace)
  return { restored: edits.map(({ file }) => file) }
}

async function writeWithFolder(place: string, text: string) {
  await mkdir(path.dirname(place), { recursive: true })
  await writeFile(place, text)
}

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')
