/** A project with functions in a temporary folder, and a runner that serves it. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { pino } from 'pino'
import { type FunctionCaller, type FunctionNeeds, openFunctions } from '../../src/features/functions/functions.ts'

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

export function serveProject(files: ProjectFiles, needs: Partial<FunctionNeeds> = {}) {
  const functionsRoot = writeProject(files)
  const functions = openFunctions({
    functionsRoot,
    adminUrl: () => 'http://127.0.0.1:9/admin',
    appId: 'wxtest',
    envId: 'test-env',
    environment: process.env,
    log: pino({ level: 'silent' }),
    ...needs,
    settings: { workers: 4, timeoutMs: 20_000, memoryMb: 256, resultLimitBytes: 1024 * 1024, ...needs.settings },
  })
  return {
    functions,
    functionsRoot,
    async close() {
      await functions.close()
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
