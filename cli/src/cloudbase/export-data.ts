/** Writes collections and files of the running server as CloudBase imports them: JSON Lines, and a folder of files. */

import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import path from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { CollectionDefinition } from '@sampan/server/features/documents/document-request'
import { CommandError } from '../command.ts'
import { askServer, type LocalServer } from '../serve/local-server.ts'
import { toCloudIds } from './file-ids.ts'

export type ExportOptions = {
  readonly server: LocalServer
  readonly isDryRun: boolean
  /** Such as `prod-1a2b.7072-prod-1a2b`; undefined: file ids in documents stay as they are. */
  readonly bucket: string | undefined
  readonly onProgress: (line: string) => void
}

const PAGE_DOCUMENTS = 500
const PAGE_FILES = 500

/** Each kind of _id from its first possible value on: comparisons never reach from one kind to another. */
const FIRST_IDS = ['', { $numberDouble: '-Infinity' }, { $oid: '0'.repeat(24) }]

type Document = Record<string, unknown>
type Collection = CollectionDefinition & { readonly documents: number }

export async function listCollections(server: LocalServer): Promise<Collection[]> {
  const { collections } = (await askServer(server, '/v1/documents/collections/list', {})) as {
    collections: Collection[]
  } // safe: collection-routes.ts
  return collections
}

export async function exportCollections(folder: string, collections: readonly Collection[], options: ExportOptions) {
  if (!options.isDryRun) await mkdir(folder, { recursive: true })
  const written: { collection: string; documents: number }[] = []
  for (const { name, documents } of collections) {
    const count = options.isDryRun
      ? documents
      : await exportCollection(path.join(folder, `${name}.json`), name, options)
    options.onProgress(`${name}: ${count}`)
    written.push({ collection: name, documents: count })
  }
  return written
}

async function exportCollection(place: string, collection: string, { server, bucket }: ExportOptions): Promise<number> {
  const out = createWriteStream(place)
  let count = 0
  for await (const document of documentsById(server, collection)) {
    const line = JSON.stringify(bucket ? toCloudIds(forCloudBase(document), bucket) : forCloudBase(document))
    if (!out.write(`${line}\n`)) await once(out, 'drain')
    count += 1
  }
  out.end()
  await once(out, 'finish')
  return count
}

/** By the id, not by skipping: each page costs the same, and writes in between neither shift nor repeat anything. */
async function* documentsById(server: LocalServer, collection: string): AsyncIterable<Document> {
  for (const first of FIRST_IDS) {
    let from: object = { $gte: first }
    for (;;) {
      const body = { collection, query: { _id: from }, order: { _id: 1 }, limit: PAGE_DOCUMENTS }
      const { data } = (await askServer(server, '/v1/documents/find', body)) as { data: Document[] } // safe: protocol/documents.ts
      yield* data
      if (data.length < PAGE_DOCUMENTS) break
      from = { $gt: data.at(-1)?.['_id'] }
    }
  }
}

/** CloudBase's files write dates as `{"$date": "2026-11-22T00:00:00.000Z"}`. */
function forCloudBase(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(forCloudBase)
  if (typeof value !== 'object' || value === null) return value
  const { $date } = value as { $date?: unknown }
  if (typeof $date === 'number') return { $date: new Date($date).toISOString() }
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, forCloudBase(item)]))
}

export async function exportFiles(folder: string, { server, isDryRun, onProgress }: ExportOptions) {
  let after = ''
  let count = 0
  for (;;) {
    const { files } = (await askServer(server, '/v1/files/list', { after, limit: PAGE_FILES })) as {
      files: { path: string; url: string }[]
    } // safe: file-routes.ts
    for (const file of files) {
      if (!isDryRun) await download(server, file.url, path.join(folder, file.path))
      count += 1
      onProgress(`${count} ${file.path}`)
    }
    after = files.at(-1)?.path ?? after
    if (files.length < PAGE_FILES) return count
  }
}

async function download(server: LocalServer, url: string, place: string) {
  const { pathname, search } = new URL(url)
  const response = await fetch(server.url + pathname + search)
  if (!response.ok || !response.body)
    throw new CommandError(`${pathname} could not be read (${response.status}).`, 'See the log of the server.')
  await mkdir(path.dirname(place), { recursive: true })
  await pipeline(Readable.fromWeb(response.body), createWriteStream(place))
}
