/** Runs `npm install` in functions' folders: one at a time per folder, also across processes, a few folders at once. */
import { spawn } from 'node:child_process'
import { readFile, rm, stat, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { AppError } from '../../errors.ts'
import type { Log } from '../../log.ts'
import type { FunctionSpec } from './function-config.ts'
import { examineDependencies, findInstalled } from './function-dependencies.ts'
import { runtimePackagesOf } from './runtime-packages.ts'

const INSTALL_TIMEOUT_MS = 10 * 60_000
const LOCK_POLL_MS = 500
const LAST_LINES_CHARACTERS = 2_000
/** Each takes a core and the network for seconds; more at once only wait for one another. */
const INSTALLS_AT_ONCE = 3
const NPM_ARGS = [
  'install',
  '--no-audit',
  '--no-fund',
  '--omit=dev',
  '--no-workspaces',
  '--loglevel=error',
  '--prefer-offline',
  '--fetch-retries=1',
  // Lock files name the mirror on which they were made, which need not be reachable from here.
  '--replace-registry-host=always',
]

export type InstallNeeds = {
  readonly folder: string
  /** Packages beside those of package.json, such as `request@^2.88.2`. */
  readonly alsoWanted?: readonly string[]
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly onProgress: (line: string) => void
}

/** Installs what the functions' package.json files name and is not there. */
export async function installMissing(
  specs: readonly FunctionSpec[],
  { environment, log, onProgress }: Omit<InstallNeeds, 'folder'> & { readonly log: Log },
): Promise<void> {
  const waiting = specs
    .map((spec) => ({ ...spec, ...examineDependencies(spec), alsoWanted: missingOfRuntime(spec) }))
    .filter(({ missing, alsoWanted }) => missing.length + alsoWanted.length > 0)
  const installNext = async (): Promise<void> => {
    const next = waiting.shift()
    if (!next) return
    const { folder, name, missing, alsoWanted } = next
    try {
      await installDependencies({ folder, alsoWanted, environment, onProgress })
    } catch (error) {
      log.warn({ err: error, function: name, missing }, 'packages of a function could not be installed')
    }
    return installNext()
  }
  await Promise.all(Array.from({ length: INSTALLS_AT_ONCE }, installNext))
}

function missingOfRuntime({ folder, runtime }: FunctionSpec): string[] {
  if (runtime !== 'node') return []
  return Object.entries(runtimePackagesOf(folder))
    .filter(([name]) => !findInstalled(folder, name))
    .map(([name, version]) => `${name}@${version}`)
}

/** What npm and its packages' install scripts may see of the server's environment. */
const isForNpm = (name: string) =>
  /^(PATH|HOME|LANG|TMPDIR|TEMP|TMP|SystemRoot|APPDATA|USERPROFILE|npm_config_.*|https?_proxy|no_proxy|NODE_EXTRA_CA_CERTS|SSL_CERT_(FILE|DIR))$/i.test(
    name,
  )

/** @throws {AppError} `function_not_installed` with npm's last lines as its cause. */
export async function installDependencies({
  folder,
  alsoWanted = [],
  environment,
  onProgress,
}: InstallNeeds): Promise<void> {
  const unlock = await lockFolder(folder)
  // The project's own files stay as they are, and a function without a package.json is not taken for its parent's part.
  const args = alsoWanted.length > 0 ? [...NPM_ARGS, '--no-save', `--prefix=${folder}`, ...alsoWanted] : NPM_ARGS
  try {
    onProgress(`npm install in ${path.basename(folder)}`)
    const withLock = await runNpm(folder, environment, args)
    if (withLock.exitCode === 0) return
    // An old or broken lock file should not keep a function from running: its package.json still says what it needs.
    const { exitCode, lastLines } = await runNpm(folder, environment, [...args, '--no-package-lock'])
    if (exitCode === 0) return
    throw new AppError('function_not_installed', `npm install failed in ${path.basename(folder)}.`, {
      cause: new Error(lastLines),
    })
  } finally {
    await unlock()
  }
}

function runNpm(folder: string, environment: Readonly<Record<string, string | undefined>>, args: readonly string[]) {
  return new Promise<{ exitCode: number | null; lastLines: string }>((resolve) => {
    const isWindows = process.platform === 'win32'
    const npm = spawn(isWindows ? 'npm.cmd' : 'npm', args, {
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

/** A file as a lock: making it is atomic. One whose process is gone, or that is too old, is taken over. */
async function lockFolder(folder: string): Promise<() => Promise<void>> {
  const lock = path.join(folder, '.sampan-installing')
  for (;;) {
    try {
      await writeFile(lock, String(process.pid), { flag: 'wx' })
      return () => rm(lock, { force: true })
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
    }
    const holder = Number(await readFile(lock, 'utf8').catch(() => '0'))
    const ageMs = Date.now() - ((await stat(lock).catch(() => undefined))?.mtimeMs ?? 0)
    if (!isRunning(holder) || ageMs > INSTALL_TIMEOUT_MS) await rm(lock, { force: true })
    else await sleep(LOCK_POLL_MS)
  }
}

function isRunning(processId: number): boolean {
  if (!Number.isSafeInteger(processId) || processId <= 0) return false
  try {
    process.kill(processId, 0)
    return true
  } catch {
    return false
  }
}
