/** The environment in which a server finds its disk slow: each fsync takes 4 ms longer, as on cheap cloud disks. */
import { spawnSync } from 'node:child_process'
import path from 'node:path'

export const SLOW_FSYNC_MS = 4

const SOURCE = path.join(import.meta.dirname, 'servers/slow-fsync.c')

export const slowDiskMissing = () =>
  spawnSync('cc', ['--version']).status === 0 ? undefined : 'there is no C compiler (apt-get install gcc libc6-dev)'

/** @param folder where the library is built */
export function slowDiskEnvironment(folder: string): NodeJS.ProcessEnv {
  const library = path.join(folder, 'slow-fsync.so')
  const built = spawnSync('cc', ['-shared', '-fPIC', '-O2', '-o', library, SOURCE, '-ldl'], { encoding: 'utf8' })
  if (built.status !== 0) throw new Error(`slow-fsync.c could not be compiled: ${built.stderr}`)
  return { LD_PRELOAD: library, SLOW_FSYNC_MICROSECONDS: String(SLOW_FSYNC_MS * 1000) }
}
