/**
 * A folder of migrations: `0007-add-file-owner.sql`, or `0007-add-file-owner.postgres.sql` where one database needs its
 * own text. `-- breaking` on line one says that older code cannot run on the result.
 */
import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import type { Dialect } from './database.ts'

export type Migration = {
  /** Such as 7. */
  readonly version: number
  /** The file's name, for messages. */
  readonly name: string
  readonly sql: string
  readonly checksum: string
  readonly isBreaking: boolean
}

const FILE_NAME = /^(?<version>\d{4,9})-[a-z0-9-]+(?:\.(?<dialect>sqlite|mysql|postgres))?\.sql$/

/** The folder's migrations for this dialect, in order. A folder that is not there has none. */
export async function readMigrations(folder: string, dialect: Dialect['name']): Promise<Migration[]> {
  const chosen = new Map<number, string>()
  for (const name of await sqlFiles(folder)) {
    const groups = FILE_NAME.exec(name)?.groups
    if (!groups) throw new Error(`${path.join(folder, name)}: a migration is named like 0007-add-file-owner.sql.`)
    if (groups['dialect'] && groups['dialect'] !== dialect) continue
    const version = Number(groups['version'])
    const rival = chosen.get(version)
    if (rival && isSpecific(rival) === isSpecific(name))
      throw new Error(`${path.join(folder, name)} and ${rival} have the same number; give the later one the next.`)
    if (!rival || isSpecific(name)) chosen.set(version, name)
  }
  const files = [...chosen].sort(([a], [b]) => a - b)
  return Promise.all(files.map(([version, name]) => readMigration(folder, version, name)))
}

const isSpecific = (name: string) => name.split('.').length > 2

async function sqlFiles(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).filter((name) => name.endsWith('.sql')).sort()
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return []
    throw error
  }
}

async function readMigration(folder: string, version: number, name: string): Promise<Migration> {
  // A checkout on Windows changes line ends, which is no change of the migration.
  const sql = (await readFile(path.join(folder, name), 'utf8')).replaceAll('\r\n', '\n')
  const checksum = createHash('sha256').update(sql).digest('hex')
  return { version, name, sql, checksum, isBreaking: /^--\s*breaking\b/.test(sql) }
}
