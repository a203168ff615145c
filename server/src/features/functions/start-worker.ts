/** Puts together how a worker is started: program, limits, variables, and what it may read. */
import { existsSync, mkdirSync, readdirSync, realpathSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import type { FunctionSpec } from './function-config.ts'
import { examineDependencies, linkedPackages, packageFolders } from './function-dependencies.ts'
import { FunctionWorker, type LoadOptions } from './function-worker.ts'
import { redirectTo, type WorkerPlace, workerEnvironment } from './worker-environment.ts'
import { nodeFlags, PYTHON_MAIN, WORKER_MAIN } from './worker-process.ts'
import type { WorkerReaper } from './worker-reaper.ts'

export type StartNeeds = {
  readonly place: WorkerPlace
  readonly functionsRoot: string
  /** Memory of a worker that has no function yet. */
  readonly memoryMb: number
  /** The /admin door, known once the server listens. */
  readonly adminUrl: () => string
  /** Whether functions may read only code and their temporary folder. */
  readonly isGuarded: boolean
  readonly reaper: WorkerReaper
  /** Of all workers that are started so; undefined: as for calls that somebody waits for. */
  readonly niceness?: number
}

export type WorkerStarter = {
  readonly start: (spec?: FunctionSpec) => FunctionWorker
  readonly prepareLoad: (spec: FunctionSpec) => LoadOptions
}

export function workerStarter(needs: StartNeeds): WorkerStarter {
  const { place, functionsRoot, memoryMb, adminUrl, isGuarded, reaper, niceness } = needs
  const writableFolders = [...new Set([os.tmpdir(), ...(process.platform === 'win32' ? [] : ['/tmp'])])]
  const compileCache = path.join(place.tempFolder, 'compile-cache')
  mkdirSync(compileCache, { recursive: true })

  return {
    start(spec) {
      const limits = {
        memoryMb: spec?.memoryMb ?? memoryMb,
        // New packages may have been installed since the last start.
        readableFolders: isGuarded ? readableBy(functionsRoot) : [],
        writableFolders,
      }
      const worker = new FunctionWorker(limits.memoryMb, (token) => {
        const environment = workerEnvironment(place, token)
        const priority = niceness === undefined ? {} : { niceness }
        if (spec?.runtime === 'python')
          return { program: 'python3', args: ['-u', PYTHON_MAIN], environment, ...priority }
        const args = [...nodeFlags(limits), WORKER_MAIN]
        return {
          program: process.execPath,
          args,
          environment: { ...environment, NODE_COMPILE_CACHE: compileCache },
          ...priority,
        }
      })
      reaper.watch(worker.pid)
      worker.exited.then(() => reaper.forget(worker.pid))
      return worker
    },
    prepareLoad: (spec) => ({
      environment: { ...spec.environment, ...redirectTo(adminUrl()) },
      sdkFile: examineDependencies(spec).sdkFile,
    }),
  }
}

/** Code, and nothing else: not the server's data, keys or environment. */
function readableBy(functionsRoot: string): string[] {
  if (!functionsRoot) return []
  const places = [functionsRoot, ...packageFolders(functionsRoot), ...packageFolders(import.meta.dirname)]
  const linked = functionFolders(functionsRoot).flatMap(linkedPackages)
  // Node checks the place that a link leads to.
  return [...new Set([...places.flatMap((place) => [place, realPlace(place)]), ...linked])]
}

const functionFolders = (root: string) =>
  existsSync(root) ? readdirSync(root).map((name) => path.join(root, name)) : []
const realPlace = (place: string) => (existsSync(place) ? realpathSync(place) : place)
