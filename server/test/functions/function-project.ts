/** A project with functions in a temporary folder, and a runner that serves it. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { pino } from 'pino'
import { migrate } from '../../src/database/migrate.ts'
import { openDatabase } from '../../src/database/open-database.ts'
import { openCallJournal } from '../../src/features/functions/function-calls.ts'
import { type FunctionCaller, type FunctionNeeds, openFunctions } from '../../src/features/functions/functions.ts'

const MIGRATIONS = path.resolve(import.meta.dirname, '../../migrations')

export type ProjectFiles = Readonly<Record<string, string>>

/** `{ 'echo/index.js': '…' }`; the caller removes the folder. */
export function writeProject(files: ProjectFiles): string {
  const root = mkdtempSync(path.join(os.tmpdir(), 'sampan-project-'))
  addFiles(root, files)
  return root
}

export function addFiles(root: string, files: ProjectFiles): void {
  for (const [name, text] of Object.entries(files)) {
    const file = path.join(root, name)
    mkdirSync(path.dirname(file), { recursive: true })
    writeFileSync(file, text)
  }
}

export type ServedFunctions = Awaited<ReturnType<typeof serveProject>>

export async function serveProject(files: ProjectFiles, needs: Partial<FunctionNeeds> = {}) {
  const functionsRoot = writeProject(files)
  const dataFolder = mkdtempSync(path.join(os.tmpdir(), 'sampan-data-'))
  const log = pino({ level: 'silent' })
  const database = await openDatabase({ url: `sqlite:${path.join(dataFolder, 'app.db')}`, timeoutMs: 5_000, log })
  await migrate(database, { scope: 'core', folder: MIGRATIONS, appVersion: '0.0.0', log })
  const functions = openFunctions({
    functionsRoot,
    adminUrl: () => 'http://127.0.0.1:9/admin',
    appId: 'wxtest',
    envId: 'test-env',
    environment: process.env,
    journal: openCallJournal({ database, log, keptDays: 7, now: Date.now }),
    log,
    ...needs,
    settings: { workers: 4, timeoutMs: 20_000, memoryMb: 256, resultLimitBytes: 1024 * 1024, ...needs.settings },
  })
  return {
    functions,
    functionsRoot,
    database,
    log,
    async close() {
      await functions.close()
      await database.close()
      rmSync(dataFolder, { recursive: true, force: true })
      rmSync(functionsRoot, { recursive: true, force: true })
    },
  }
}

let calls = 0

/** A call by this user. */
export const byUser = (openId: string, more: Partial<FunctionCaller> = {}): FunctionCaller => ({
  identity: { kind: 'user', openId, appId: 'wxtest', sessionId: 'session' },
  requestId: `request-${calls++}`,
  source: 'wx_client',
  ...more,
})

export const resultOf = ({ result }: { result: string | undefined }): unknown =>
  result === undefined ? undefined : JSON.parse(result)
