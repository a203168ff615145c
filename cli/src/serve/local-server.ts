/** How commands find the server that runs for a project on this machine: a small file beside its data. */
import { existsSync } from 'node:fs'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { CommandError } from '../command.ts'

export type LocalServer = {
  readonly url: string
  /** Acts as the owner, from this machine only. */
  readonly token: string
  readonly pid: number
}

/** Only the account that runs the server may read the token. */
const OWNER_ONLY = 0o600

const placeOf = (projectRoot: string) => path.join(projectRoot, '.sampan', 'server.json')

/** @returns whether it could be written: a hardened unit or container may see the project read-only */
export async function announceServer(projectRoot: string, server: LocalServer): Promise<boolean> {
  const place = placeOf(projectRoot)
  try {
    await mkdir(path.dirname(place), { recursive: true })
    await writeFile(place, JSON.stringify(server), { mode: OWNER_ONLY })
    return true
  } catch (error) {
    if (error instanceof Error && 'code' in error && ['EROFS', 'EACCES', 'EPERM'].includes(String(error.code)))
      return false
    throw error
  }
}

/** Only if it is still ours: another server may have started for the same project. */
export async function withdrawServer(projectRoot: string, pid: number): Promise<void> {
  const server = await readServer(projectRoot)
  if (server?.pid === pid) await rm(placeOf(projectRoot), { force: true })
}

/** @throws {CommandError} if no server runs for this project */
export async function findServer(projectRoot: string): Promise<LocalServer> {
  const server = await readServer(projectRoot)
  if (server && isAlive(server.pid)) return server
  throw new CommandError(
    `No server is running for ${projectRoot}.`,
    `Start it with: sampan dev --project ${path.relative(process.cwd(), projectRoot) || '.'}`,
  )
}

async function readServer(projectRoot: string): Promise<LocalServer | undefined> {
  const place = placeOf(projectRoot)
  if (!existsSync(place)) return undefined
  return JSON.parse(await readFile(place, 'utf8')) as LocalServer // safe: announceServer wrote it
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

/**
 * Sends JSON to the running server as its owner.
 * @throws {CommandError} with the server's message and hint
 */
export async function askServer(
  server: LocalServer,
  path: string,
  body: unknown,
  headers: Record<string, string> = {},
) {
  const response = await fetch(server.url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${server.token}`, ...headers },
    body: JSON.stringify(body),
  }).catch((cause: unknown) => {
    throw new CommandError(`${server.url} does not answer.`, 'Is the server still running?', { cause })
  })
  const answer: unknown = await response.json()
  if (response.ok) return answer
  const { error } = answer as { error: { code: string; message: string; hint: string } } // safe: the one error shape
  throw new CommandError(`${error.code}: ${error.message}`, error.hint)
}
