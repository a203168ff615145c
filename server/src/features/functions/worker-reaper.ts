/**
 * Ends the workers of a server that was killed.
 *
 * A worker notices the end of its server on its pipe, but one that loops looks at no pipe, and what it started knows
 * nothing of servers. So a shell of about 1 MB, one per server and in a session of its own, is told of every worker; when its
 * pipe ends, it ends their process groups.
 */
import { spawn } from 'node:child_process'

export interface WorkerReaper {
  watch(pid: number): void
  forget(pid: number): void
  /** Ends what is still watched. */
  close(): void
}

const SCRIPT = `
  groups=' '
  while read -r verb id; do
    case $verb in
      watch) groups="$groups$id " ;;
      forget) case $groups in *" $id "*) groups="\${groups%% $id *} \${groups#* $id }" ;; esac ;;
    esac
  done
  for id in $groups; do kill -9 "-$id" 2>/dev/null; done
  exit 0`

/** Starts with the first worker: a server without functions needs none. */
export function openWorkerReaper(): WorkerReaper {
  if (process.platform === 'win32') return { watch() {}, forget() {}, close() {} }
  let shell: ReturnType<typeof start> | undefined
  return {
    watch(pid) {
      if (pid <= 1) return // it could not be started; 0 and 1 would name other groups
      shell ??= start()
      shell.stdin.write(`watch ${pid}\n`)
    },
    forget: (pid) => void shell?.stdin.write(`forget ${pid}\n`),
    close: () => void shell?.stdin.end(),
  }
}

function start() {
  const shell = spawn('/bin/sh', ['-c', SCRIPT], { stdio: ['pipe', 'ignore', 'ignore'], detached: true, env: {} })
  // Without it, workers that loop outlive a killed server until somebody ends them: worth no failure of a call.
  shell.on('error', () => {})
  shell.stdin.on('error', () => {})
  shell.unref()
  const { stdin } = shell
  if ('unref' in stdin && typeof stdin.unref === 'function') stdin.unref()
  return shell
}
