/** A backup: the database, the files, and a manifest with the SHA-256 of each, made while the server runs. */
import { createHash } from 'node:crypto'
import { createReadStream, existsSync } from 'node:fs'
import { cp, mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { pipeline } from 'node:stream/promises'
import { copySqlite } from '@sampan/server/database/sqlite/copy-sqlite'
import { CommandError } from '../command.ts'

export type BackupEntry = { readonly path: string; readonly bytes: number; readonly sha256: string }
export type Manifest = { readonly createdAt: string; readonly entries: readonly BackupEntry[] }

const MANIFEST = 'manifest.json'
/** What holds data. secret.key is left out on purpose: a stolen backup must not open what the key seals. */
const DATABASES = ['app.db', 'monitor.db']
const FILES = 'files'

/**
 * Writes into a folder of its own below `out`, which appears only when it is whole. The database is copied first: bytes
 * are stored before their row, so every row of the copy finds its bytes, unless the file was deleted in between.
 *
 * @throws {CommandError} if there is no embedded database in `dataDir`
 */
export async function backUp(dataDir: string, out: string, now: Date, onProgress: (line: string) => void) {
  if (!existsSync(path.join(dataDir, 'app.db'))) {
    throw new CommandError(
      `There is no SQLite database in ${dataDir}.`,
      'MySQL and PostgreSQL: the bundle of `sampan plan --out` has a backup script.',
    )
  }
  const name = now.toISOString().replace(/[:.]/g, '-')
  const aside = path.join(out, `.${name}.part`)
  await mkdir(aside, { recursive: true })
  try {
    for (const database of DATABASES) {
      const source = path.join(dataDir, database)
      if (!existsSync(source)) continue
      await copySqlite(source, path.join(aside, database), (share) =>
        onProgress(`${database} ${Math.round(share * 100)} %`),
      )
    }
    if (existsSync(path.join(dataDir, FILES)))
      await cp(path.join(dataDir, FILES), path.join(aside, FILES), { recursive: true })
    const manifest: Manifest = { createdAt: now.toISOString(), entries: await listEntries(aside) }
    await writeFile(path.join(aside, MANIFEST), JSON.stringify(manifest, null, 2))
    const place = path.join(out, name)
    await rename(aside, place)
    return { place, ...manifest }
  } catch (error) {
    await rm(aside, { recursive: true, force: true })
    throw error
  }
}

/** Compares a backup with its manifest. @returns what is missing, changed or extra; empty: whole */
export async function verifyBackup(place: string): Promise<string[]> {
  const file = path.join(place, MANIFEST)
  if (!existsSync(file)) throw new CommandError(`${place} holds no ${MANIFEST}.`, 'Name the folder of one backup.')
  const { entries } = JSON.parse(await readFile(file, 'utf8')) as Manifest // safe: backUp wrote it
  const found = new Map((await listEntries(place)).map((entry) => [entry.path, entry]))
  const problems = entries.flatMap(({ path: name, sha256 }) => {
    const entry = found.get(name)
    found.delete(name)
    if (!entry) return [`missing: ${name}`]
    return entry.sha256 === sha256 ? [] : [`changed: ${name}`]
  })
  return [...problems, ...[...found.keys()].map((name) => `extra: ${name}`)]
}

/** Removes the oldest backups beyond `keep`. @returns their names */
export async function removeOldBackups(out: string, keep: number): Promise<string[]> {
  const names = (await readdir(out)).filter((name) => /^\d{4}-\d\d-\d\dT/.test(name)).sort()
  const old = names.slice(0, Math.max(0, names.length - keep))
  for (const name of old) await rm(path.join(out, name), { recursive: true })
  return old
}

async function listEntries(folder: string): Promise<BackupEntry[]> {
  const found = await readdir(folder, { recursive: true, withFileTypes: true })
  const places = found
    .filter((entry) => entry.isFile() && entry.name !== MANIFEST)
    .map((entry) => path.join(entry.parentPath, entry.name))
  return Promise.all(
    places.sort().map(async (place) => {
      const hash = createHash('sha256')
      await pipeline(createReadStream(place), hash)
      return {
        path: path.relative(folder, place).replaceAll(path.sep, '/'),
        bytes: (await stat(place)).size,
        sha256: hash.digest('hex'),
      }
    }),
  )
}
