/** Tells when a function's files changed, for `dev`: once per burst, as editors save in several steps. */
import { existsSync, type FSWatcher, readdirSync, statSync, watch } from 'node:fs'
import path from 'node:path'

const QUIET_MS = 120
/** Changed by npm and by tools, never by the author. */
const IGNORED = /^(node_modules|__pycache__|\.git|\.sampan.*)$/
const FOLDERS_MAX = 2_000

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
  const stop = watchFolders(functionsRoot, (file) => {
    const [name] = path.relative(functionsRoot, file).split(path.sep)
    if (!name) return
    changed.add(name)
    clearTimeout(quiet)
    quiet = setTimeout(report, QUIET_MS)
  })
  return () => {
    clearTimeout(quiet)
    stop()
  }
}

/**
 * Watches folder by folder and leaves node_modules out. Node's own recursive watching on Linux looks at every file of
 * every package first: half a second per installed function.
 */
function watchFolders(root: string, onFile: (file: string) => void): () => void {
  const watchers = new Map<string, FSWatcher>()

  const close = (folder: string) => {
    watchers.get(folder)?.close()
    watchers.delete(folder)
  }
  const add = (folder: string) => {
    if (watchers.has(folder) || watchers.size >= FOLDERS_MAX) return
    const watcher = watch(folder, (_event, file) => {
      if (!file || IGNORED.test(file)) return
      const place = path.join(folder, file)
      if (isFolder(place)) add(place)
      else close(place)
      onFile(place)
    })
    watcher.on('error', () => close(folder)) // it was deleted; the folder above tells so, too
    watchers.set(folder, watcher)
    for (const name of readdirSync(folder)) {
      const place = path.join(folder, name)
      if (!IGNORED.test(name) && isFolder(place)) add(place)
    }
  }
  add(root)
  return () => {
    for (const folder of watchers.keys()) close(folder)
  }
}

const isFolder = (place: string) => statSync(place, { throwIfNoEntry: false })?.isDirectory() === true
