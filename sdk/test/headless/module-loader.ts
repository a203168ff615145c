/** Loads a mini program's files as WeChat does: CommonJS with `wx`, `App`, `Page`… in scope; ES modules are converted. */
import { existsSync, readFileSync, statSync } from 'node:fs'
import path from 'node:path'
import vm from 'node:vm'
import { transformSync } from 'esbuild'

// biome-ignore lint/suspicious/noExplicitAny: modules export anything
type Exports = any

const EXTENSIONS = ['', '.js', '.ts', '/index.js', '/index.ts', '.json']
const IS_ES_MODULE = /^\s*(?:import\s*[\w{*'"]|export\s)/m

/**
 * @param scope the globals that every file sees
 * @param replaced texts that stand for files of the program, by their path in it
 */
export function createModuleLoader(
  root: string,
  scope: Readonly<Record<string, unknown>>,
  replaced: Readonly<Record<string, string>> = {},
) {
  const cache = new Map<string, { exports: Exports }>()
  const names = Object.keys(scope)
  const values = Object.values(scope)

  const load = (file: string): Exports => {
    const known = cache.get(file)
    if (known) return known.exports
    const module = { exports: {} as Exports }
    cache.set(file, module)
    if (file.endsWith('.json')) {
      module.exports = JSON.parse(readFileSync(file, 'utf8'))
      return module.exports
    }
    const require = (request: string) => load(resolve(request, path.dirname(file)))
    const run = vm.compileFunction(
      replaced[path.relative(root, file)] ?? sourceOf(file),
      ['require', 'module', 'exports', ...names],
      { filename: file },
    )
    run(require, module, module.exports, ...values)
    return module.exports
  }

  const resolve = (request: string, from: string): string => {
    const isRelative = request.startsWith('.')
    const bases = request.startsWith('/')
      ? [root + request]
      : isRelative
        ? [path.resolve(from, request)]
        : packagePlaces(request, from)
    // WeChat takes `utils/x` for `./utils/x` too.
    if (!isRelative) bases.push(path.resolve(from, request), path.join(root, request))
    for (const base of bases) {
      const found = EXTENSIONS.map((extension) => base + extension).find(
        (place) => existsSync(place) && statSync(place).isFile(),
      )
      if (found) return found
    }
    throw new Error(`module '${request}' is not found, required from ${path.relative(root, from) || '.'}`)
  }

  /** `miniprogram_npm` folders from the file's own up to the program's root. */
  const packagePlaces = (request: string, from: string) => {
    const places: string[] = []
    for (let folder = from; folder.startsWith(root); folder = path.dirname(folder))
      places.push(path.join(folder, 'miniprogram_npm', request))
    return places
  }

  return { require: (request: string) => load(resolve(request, root)) }
}

function sourceOf(file: string): string {
  const text = readFileSync(file, 'utf8').replace(/^\uFEFF/, '')
  if (!file.endsWith('.ts') && !IS_ES_MODULE.test(text)) return text
  return transformSync(text, {
    loader: file.endsWith('.ts') ? 'ts' : 'js',
    format: 'cjs',
    target: 'node24',
    sourcefile: file,
  }).code
}
