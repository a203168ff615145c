/** The client as the files that mini programs load: built beside the package `sampan`. */
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import path from 'node:path'
import { CommandError } from '../command.ts'

/** One CommonJS file each; `realtime` is what lets the database watch. */
export type BundledClient = { readonly client: string; readonly realtime: string }

/** @throws {CommandError} if the client was not built */
export async function bundledClient(): Promise<BundledClient> {
  const folder = path.resolve(createRequire(import.meta.url).resolve('sampan'), '../../miniprogram_dist')
  if (!existsSync(folder)) throw new CommandError('The client is not built.', 'Run: npm run build --workspace sampan')
  const [client, realtime] = await Promise.all(
    ['index.js', 'realtime.js'].map((name) => readFile(path.join(folder, name), 'utf8')),
  )
  return { client: client ?? '', realtime: realtime ?? '' }
}
