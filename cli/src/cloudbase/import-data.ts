/** Brings exported collections and files into the running server. Running it again replaces, so nothing is doubled. */
import { openAsBlob } from 'node:fs'
import { readdir } from 'node:fs/promises'
import path from 'node:path'
import type { CollectionDefinition } from '@sampan/server/features/documents/document-request'
import { CommandError } from '../command.ts'
import { askServer, type LocalServer } from '../serve/local-server.ts'
import { readCollectionSettings } from './collection-settings.ts'
import { type DataFile, listDataFiles, readDocuments } from './data-files.ts'
import { toHttpsIds } from './file-ids.ts'

export type ImportOptions = {
  readonly server: LocalServer
  readonly isDryRun: boolean
  /** Where the files will be served; undefined: file ids in documents stay as they are. */
  readonly publicUrl: string | undefined
  readonly env: string
  readonly onProgress: (line: string) => void
}
export type ImportedCollection = {
  readonly collection: string
  readonly read: number
  readonly added: number
  readonly replaced: number
  readonly problems: readonly { row: number; problem: string }[]
}

/** Requests stay well under the server's body limit of 1 MB, and well under its limit of documents. */
const BATCH_BYTES = 256 * 1024
const BATCH_DOCUMENTS = 200
const MAX_PROBLEMS = 100
const PROGRESS_EVERY = 10_000

type Document = Record<string, unknown>

export async function importCollections(folder: string, options: ImportOptions): Promise<ImportedCollection[]> {
  const files = await listDataFiles(folder)
  if (files.length === 0)
    throw new CommandError(
      `${folder} holds no .json, .jsonl or .csv file.`,
      'Export the collections in the CloudBase console first.',
    )
  const settings = await readCollectionSettings(folder)
  const imported: ImportedCollection[] = []
  for (const file of files) {
    const definition = settings.find(({ name }) => name === file.collection) ?? { name: file.collection }
    if (!options.isDryRun) await ensureCollection(options.server, definition)
    imported.push(await importCollection(file, options))
  }
  return imported
}

async function importCollection(file: DataFile, options: ImportOptions): Promise<ImportedCollection> {
  const { collection } = file
  const counts = { read: 0, added: 0, replaced: 0 }
  const problems: { row: number; problem: string }[] = []

  let batch: { row: number; document: Document }[] = []
  let batchBytes = 0
  const flush = async () => {
    if (batch.length === 0) return
    const done = options.isDryRun
      ? { added: batch.length, replaced: 0, refused: [] }
      : await writeBatch(options.server, collection, batch)
    counts.added += done.added
    counts.replaced += done.replaced
    problems.push(...done.refused)
    batch = []
    batchBytes = 0
  }

  for await (const { row, document, problem } of readDocuments(file)) {
    if (!document) {
      problems.push({ row, problem: problem ?? 'cannot be read' })
      continue
    }
    counts.read += 1
    const moved = options.publicUrl ? (toHttpsIds(document, options.publicUrl, options.env) as Document) : document // safe: an object stays one
    batch.push({ row, document: moved })
    batchBytes += JSON.stringify(moved).length
    if (batch.length >= BATCH_DOCUMENTS || batchBytes >= BATCH_BYTES) await flush()
    if (counts.read % PROGRESS_EVERY === 0) options.onProgress(`${collection}: ${counts.read}`)
  }
  await flush()
  options.onProgress(`${collection}: ${counts.read}`)
  return { collection, ...counts, problems: problems.slice(0, MAX_PROBLEMS) }
}

/** One that is there already keeps its own rules and indexes: sampan.config.ts has said them. */
async function ensureCollection(server: LocalServer, definition: Partial<CollectionDefinition>) {
  await askServer(server, '/v1/documents/collections', definition).catch((error: unknown) => {
    if (!(error instanceof CommandError) || !error.message.startsWith('collection_exists')) throw error
  })
}

/** All at once; if one of them is there already or cannot be stored, one by one. */
async function writeBatch(
  server: LocalServer,
  collection: string,
  batch: readonly { row: number; document: Document }[],
) {
  try {
    await askServer(server, '/v1/documents/add', { collection, data: batch.map(({ document }) => document) })
    return { added: batch.length, replaced: 0, refused: [] }
  } catch (error) {
    if (!(error instanceof CommandError) || !/^(document_exists|invalid_document)/.test(error.message)) throw error
  }
  const done = { added: 0, replaced: 0, refused: [] as { row: number; problem: string }[] }
  for (const { row, document } of batch) {
    try {
      const { _id: id, ...data } = document
      const { created } =
        id === undefined ? await add(server, collection, data) : await set(server, collection, id, data)
      if (created) done.added += 1
      else done.replaced += 1
    } catch (error) {
      if (!(error instanceof CommandError)) throw error
      done.refused.push({ row, problem: error.message })
    }
  }
  return done
}

async function add(server: LocalServer, collection: string, data: Document) {
  await askServer(server, '/v1/documents/add', { collection, data })
  return { created: 1 }
}

const set = async (server: LocalServer, collection: string, id: unknown, data: Document) =>
  (await askServer(server, '/v1/documents/set', { collection, id, data })) as { created: number } // safe: protocol/documents.ts

/** Uploads every file below the folder under its path there. */
export async function importFiles(folder: string, { server, isDryRun, onProgress }: ImportOptions) {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const places = entries.filter((entry) => entry.isFile()).map((entry) => path.join(entry.parentPath, entry.name))
  const problems: { file: string; problem: string }[] = []
  let uploaded = 0
  for (const place of places) {
    const cloudPath = path.relative(folder, place).replaceAll(path.sep, '/')
    try {
      if (!isDryRun) await upload(server, cloudPath, place)
      uploaded += 1
      onProgress(`${uploaded}/${places.length} ${cloudPath}`)
    } catch (error) {
      if (!(error instanceof CommandError)) throw error
      problems.push({ file: cloudPath, problem: error.message })
    }
  }
  return { uploaded, problems }
}

async function upload(server: LocalServer, cloudPath: string, place: string) {
  const form = new FormData()
  form.append('cloudPath', cloudPath)
  form.append('file', await openAsBlob(place), path.basename(place))
  const response = await fetch(`${server.url}/v1/files`, {
    method: 'POST',
    body: form,
    headers: { authorization: `Bearer ${server.token}` },
  })
  if (response.ok) return
  const { error } = (await response.json()) as { error: { code: string; message: string; hint: string } } // safe: the one error shape
  throw new CommandError(`${error.code}: ${error.message}`, error.hint)
}
