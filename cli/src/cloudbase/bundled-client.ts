/** The client as the one file that mini programs load: built beside the package `sampan`. */
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import path from 'node:path'
import { CommandError } from '../command.ts'

/** @throws {CommandError} if the client was not built */
export async function bundledClient(): Promise<string> {
  const entry = createRequire(import.meta.url).resolve('sampan')
  const place = path.resolve(path.dirname(entry), '../miniprogram_dist/index.js')
  if (!existsSync(place)) throw new CommandError('The client is not built.', 'Run: npm run build --workspace sampan')
  return readFile(place, 'utf8')
}
