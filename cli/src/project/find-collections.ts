/**
 * Names of collections in the code of a project that declares none: `db.collection('posts')`. In CloudBase these were
 * made in its console, where a copy of the code cannot see them.
 */
import { readdir, readFile, stat } from 'node:fs/promises'
import path from 'node:path'

const CALL = /\b(?:collection|createCollection)\(\s*(['"`])([A-Za-z_][\w-]{0,63})\1\s*\)/g
const SOURCE = /\.(?:js|ts|mjs|cjs|wxs)$/
const SKIPPED = new Set(['node_modules', 'miniprogram_npm', '.git', '.sampan', 'dist'])
const MAX_FILE_BYTES = 1024 * 1024
const MAX_FILES = 5_000

/** Sorted, each once. Folders that are missing are passed over. */
export async function findCollectionNames(folders: readonly (string | undefined)[]): Promise<string[]> {
  const names = new Set<string>()
  let filesLeft = MAX_FILES

  async function visit(folder: string): Promise<void> {
    const entries = await readdir(folder, { withFileTypes: true }).catch(() => [])
    for (const entry of entries) {
      const place = path.join(folder, entry.name)
      if (entry.isDirectory() && !SKIPPED.has(entry.name)) await visit(place)
      else if (entry.isFile() && SOURCE.test(entry.name) && filesLeft-- > 0) await scan(place)
    }
  }
  async function scan(place: string) {
    if ((await stat(place)).size > MAX_FILE_BYTES) return
    for (const [, , name = ''] of (await readFile(place, 'utf8')).matchAll(CALL)) names.add(name)
  }

  for (const folder of folders) if (folder) await visit(folder)
  return [...names].sort()
}
