/** Collections as files, as CloudBase's console exports them: JSON Lines or CSV, one document a line. */
import { createReadStream } from 'node:fs'
import { readdir } from 'node:fs/promises'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { parse } from 'csv-parse'

export type DataFile = { readonly place: string; readonly collection: string; readonly kind: 'lines' | 'csv' }
/** A document, or why there is none at this place of the file. */
export type ReadDocument = {
  readonly row: number
  readonly document?: Record<string, unknown>
  readonly problem?: string
}

const KINDS: Readonly<Record<string, DataFile['kind']>> = {
  '.json': 'lines',
  '.jsonl': 'lines',
  '.ndjson': 'lines',
  '.csv': 'csv',
}

/** Files that hold a collection: the name before the ending, and before CloudBase's `database_export-` prefix, is its name. */
export async function listDataFiles(folder: string): Promise<DataFile[]> {
  const names = (await readdir(folder)).sort()
  return names.flatMap((name) => {
    const kind = KINDS[path.extname(name).toLowerCase()]
    const collection = path
      .basename(name, path.extname(name))
      .replace(/^database_export-/, '')
      .replace(/-\d{8,}$/, '')
    return kind ? [{ place: path.join(folder, name), collection, kind }] : []
  })
}

export function readDocuments({ place, kind }: DataFile): AsyncIterable<ReadDocument> {
  return kind === 'csv' ? readCsv(place) : readLines(place)
}

async function* readLines(place: string): AsyncIterable<ReadDocument> {
  let row = 0
  for await (const line of createInterface({
    input: createReadStream(place, 'utf8'),
    crlfDelay: Number.POSITIVE_INFINITY,
  })) {
    row += 1
    const text = line.replace(/^\uFEFF/, '').trim()
    if (text !== '') yield { row, ...parsedLine(text) }
  }
}

function parsedLine(text: string): Omit<ReadDocument, 'row'> {
  try {
    const document: unknown = JSON.parse(text)
    if (typeof document === 'object' && document !== null && !Array.isArray(document)) {
      return { document: document as Record<string, unknown> } // safe: just checked
    }
    return { problem: 'is not a JSON object' }
  } catch (error) {
    return { problem: error instanceof Error ? error.message : String(error) }
  }
}

async function* readCsv(place: string): AsyncIterable<ReadDocument> {
  const rows = createReadStream(place).pipe(
    parse({ bom: true, columns: true, skip_empty_lines: true, relax_column_count: false }),
  )
  let row = 1
  for await (const cells of rows as AsyncIterable<Record<string, string>>) {
    row += 1
    yield { row, document: fromCells(cells) }
  }
}

/** CSV knows no types: numbers, booleans and JSON are recognised by their form, a dotted heading is a nested field. */
function fromCells(cells: Readonly<Record<string, string>>): Record<string, unknown> {
  const document: Record<string, unknown> = {}
  for (const [heading, cell] of Object.entries(cells)) {
    if (cell === '') continue
    const steps = heading.split('.')
    let at = document
    for (const step of steps.slice(0, -1)) {
      const next = at[step]
      at = at[step] = typeof next === 'object' && next !== null ? (next as Record<string, unknown>) : {} // safe: just checked
    }
    // An _id is text whatever it looks like: other records refer to it as text.
    at[steps.at(-1) ?? heading] = heading === '_id' || heading === '_openid' ? cell : typedCell(cell)
  }
  return document
}

function typedCell(cell: string): unknown {
  if (cell === 'true' || cell === 'false') return cell === 'true'
  // Only what a number would be written as: 007, 1e3 and a phone number with + stay text.
  if (String(Number(cell)) === cell) return Number(cell)
  if (/^[[{]/.test(cell)) {
    try {
      return JSON.parse(cell)
    } catch {
      return cell // it only looked like JSON
    }
  }
  return cell
}
