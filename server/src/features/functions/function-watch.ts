/** Tells when a function's files changed, for `dev`: once per burst, as editors save in several steps. */
import { existsSync, watch } from 'node:fs'
import path from 'node:path'

const QUIET_MS = 120
/** Changed by npm and by tools, never by the author. */
const IGNORED = /(^|[\\/])(node_modules|\.git|\.sampan[^\\/]*)([\\/]|$)/

/** Calls back with each changed function's name. The returned function stops watching. */
export function watchFunctions(functionsRoot: string, onChange: (name: string) => void): () => void {
  if (!existsSync(functionsRoot)) return () => {}
  const changed = new Set<string>()
  let quiet: NodeJS.Timeout | undefined
  const report = () => {
    const names = [...changed]
    changed.clear()
    for (const name of names) onChange(name)
  }
  const watcher = watch(functionsRoot, { recursive: true }, (_event, file) => {
    const name = file?.split(path.sep)[0]
    if (!file || !name || IGNORED.test(file)) return
    changed.add(name)
    clearTimeout(quiet)
    quiet = setTimeout(report, QUIET_MS)
  })
  watcher.on('error', () => {}) // a folder vanished while it was watched: its function is gone with the next reload
  return () => {
    clearTimeout(quiet)
    watcher.close()
  }
}
