/** Runs `npm install` in a function's folder, one at a time per folder, also across processes. */
import { spawn } from 'node:child_process'
import { mkdir, rmdir, stat } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { AppError } from '../../errors.ts'
import type { Log } from '../../log.ts'
import type { FunctionSpec } from './function-config.ts'
import { examineDependencies } from './function-dependencies.ts'

const INSTALL_TIMEOUT_MS = 10 * 60_000
const LOCK_POLL_MS = 500
const LAST_LINES_CHARACTERS = 2_000
const NPM_ARGS = ['install', '--no-audit', '--no-fund', '--omit=dev', '--no-workspaces', '--loglevel=error']

export type InstallNeeds = {
  readonly folder: string
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly onProgress: (line: string) => void
}

/** Installs what the functions' package.json files name and is not there, one function after the other. */
export async function installMissing(
  specs: readonly FunctionSpec[],
  { environment, log, onProgress }: Omit<InstallNeeds, 'folder'> & { readonly log: Log },
): Promise<void> {
  for (const { folder, name, missing } of specs.map((spec) => ({ ...spec, ...examineDependencies(spec) }))) {
    if (missing.length === 0) continue
    try {
      await installDependencies({ folder, environment, onProgress })
    } catch (error) {
      log.warn({ err: error, function: name, missing }, 'packages of a function could not be installed')
    }
  }
}

/** What npm and its packages' install scripts may see of the server's environment. */
const isForNpm = (name: string) =>
  /^(PATH|HOME|LANG|TMPDIR|TEMP|TMP|SystemRoot|APPDATA|USERPROFILE|npm_config_.*|https?_proxy|no_proxy)$/i.test(name)

/** @throws {AppError} `function_not_installed` with npm's last lines as its cause. */
export async function installDependencies({ folder, environment, onProgress }: InstallNeeds): Promise<void> {
  const unlock = await lockFolder(folder)
  try {
    onProgress(`npm install in ${path.basename(folder)}`)
    const { exitCode, lastLines } = await runNpm(folder, environment)
    if (exitCode === 0) return
    throw new AppError('function_not_installed', `npm install failed in ${path.basename(folder)}.`, {
      cause: new Error(lastLines),
    })
  } finally {
    await unlock()
  }
}

function runNpm(folder: string, environment: Readonly<Record<string, string | undefined>>) {
  return new Promise<{ exitCode: number | null; lastLines: string }>((resolve) => {
    const isWindows = process.platform === 'win32'
    const npm = spawn(isWindows ? 'npm.cmd' : 'npm', NPM_ARGS, {
      cwd: folder,
      env: Object.fromEntries(Object.entries(environment).filter(([name]) => isForNpm(name))),
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: INSTALL_TIMEOUT_MS,
      shell: isWindows, // Node refuses to start .cmd files without one
    })
    let lastLines = ''
    for (const stream of [npm.stdout, npm.stderr]) {
      stream.on('data', (chunk: Buffer) => {
        lastLines = (lastLines + chunk.toString('utf8')).slice(-LAST_LINES_CHARACTERS)
      })
    }
    npm.once('error', (error) => resolve({ exitCode: null, lastLines: error.message }))
    npm.once('close', (exitCode) => resolve({ exitCode, lastLines }))
  })
}

/** A folder as a lock: making it is atomic. One left behind by a crash is taken over when it is too old. */
async function lockFolder(folder: string): Promise<() => Promise<void>> {
  const lock = path.join(folder, '.sampan-installing')
  for (;;) {
    try {
      await mkdir(lock)
      return () => rmdir(lock).catch(() => {})
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
    }
    const ageMs = Date.now() - ((await stat(lock).catch(() => undefined))?.mtimeMs ?? 0)
    if (ageMs > INSTALL_TIMEOUT_MS) await rmdir(lock).catch(() => {})
    else await sleep(LOCK_POLL_MS)
  }
}
