/**
 * What a project says about its functions: one folder each below `cloudfunctions/`, with CloudBase's own files beside
 * the code (`package.json`, `config.json`) and `cloudbaserc.json` in the project's root.
 */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import path from 'node:path'
import { cronProblem, type FunctionTrigger } from './timer-schedule.ts'

export type FunctionSpec = {
  readonly name: string
  readonly folder: string
  /** File with the code, inside the folder. */
  readonly entryFile: string
  /** Name of the exported function. */
  readonly exportName: string
  readonly runtime: 'node' | 'python'
  readonly timeoutMs: number
  readonly memoryMb: number
  /** Variables that the project sets for this function. */
  readonly environment: Readonly<Record<string, string>>
  readonly triggers: readonly FunctionTrigger[]
  /** Served by Sampan's own small `wx-server-sdk`, many calls at once per worker. */
  readonly isLight: boolean
  /** Whether anybody may call it over HTTP. Off unless asked for: most functions trust that a user calls. */
  readonly isOnHttp: boolean
  /** What happens with a timer's slot that passed while the server was down. */
  readonly missedTimers: 'run-last' | 'skip'
}

export type FunctionDefaults = { readonly timeoutMs: number; readonly memoryMb: number }

/** The platform's own bounds: 1–900 s, 64–3072 MB (cloud.tencent.com/document/product/583/11637). */
const TIMEOUT_MS_MAX = 900_000
const MEMORY_MB_MIN = 64
const MEMORY_MB_MAX = 3_072
const FUNCTIONS_MAX = 500
/** As in CloudBase. */
const TRIGGER_NAME_CHARACTERS = 60
const NAME = /^[A-Za-z0-9_][\w-]{0,63}$/

type Settings = Readonly<Record<string, unknown>>

/** Every function of the project, by name. Problems that a person should know go to `warn`. */
export function readFunctions(
  functionsRoot: string,
  defaults: FunctionDefaults,
  warn: (problem: string) => void,
): Map<string, FunctionSpec> {
  if (!existsSync(functionsRoot)) return new Map()
  const common = readCommonSettings(functionsRoot, warn)
  const specs = readdirSync(functionsRoot)
    .filter((name) => NAME.test(name) && name !== 'node_modules' && isFolder(path.join(functionsRoot, name)))
    .slice(0, FUNCTIONS_MAX)
    .map((name) => readFunction(path.join(functionsRoot, name), common.get(name) ?? {}, defaults, warn))
  return new Map(specs.filter((spec) => spec !== undefined).map((spec) => [spec.name, spec]))
}

/** One function, or undefined if the folder holds no code. Its own config.json wins over cloudbaserc.json. */
function readFunction(
  folder: string,
  common: Settings,
  defaults: FunctionDefaults,
  warn: (problem: string) => void,
): FunctionSpec | undefined {
  const own = readSettings(path.join(folder, 'config.json'), warn)
  const [file, exportName] = handlerOf(own['handler'] ?? common['handler'])
  const entryFile = findEntry(folder, file)
  if (!entryFile) return undefined
  const sampan = asSettings(own['sampan'])
  const triggers = [...triggersOf(common['triggers']), ...triggersOf(own['triggers'])]
  for (const { name, cron } of triggers) {
    const problem = cronProblem(cron)
    if (problem) warn(`${path.basename(folder)}: the timer "${name}" cannot fire, because ${problem}`)
  }
  const seconds = numberOf(own['timeout']) ?? numberOf(common['timeout'])
  const memory = numberOf(own['memorySize']) ?? numberOf(common['memorySize']) ?? defaults.memoryMb
  return {
    name: path.basename(folder),
    folder,
    entryFile,
    exportName: entryFile.endsWith('.py') && exportName === 'main' ? pythonExport(entryFile) : exportName,
    runtime: entryFile.endsWith('.py') ? 'python' : 'node',
    timeoutMs: seconds === undefined ? defaults.timeoutMs : Math.min(Math.max(seconds, 1) * 1000, TIMEOUT_MS_MAX),
    memoryMb: Math.min(Math.max(memory, MEMORY_MB_MIN), MEMORY_MB_MAX),
    environment: { ...textValues(common['envVariables']), ...textValues(own['envVariables']) },
    triggers,
    isLight: sampan['lightSdk'] === true,
    isOnHttp: sampan['http'] === true,
    missedTimers: sampan['missedTimers'] === 'skip' ? 'skip' : 'run-last',
  }
}

/** `cloudbaserc.json` beside or above the functions: settings by function name. */
function readCommonSettings(functionsRoot: string, warn: (problem: string) => void): Map<string, Settings> {
  const places = [path.dirname(functionsRoot), functionsRoot].map((folder) => path.join(folder, 'cloudbaserc.json'))
  const file = places.find((place) => existsSync(place))
  const listed = file ? readSettings(file, warn)['functions'] : []
  const entries = Array.isArray(listed) ? listed.map(asSettings) : []
  return new Map(entries.map((entry) => [String(entry['name'] ?? ''), entry]))
}

function readSettings(file: string, warn: (problem: string) => void): Settings {
  if (!existsSync(file)) return {}
  try {
    // People edit these by hand; DevTools writes a byte order mark on Windows.
    return asSettings(JSON.parse(readFileSync(file, 'utf8').replace(/^\uFEFF/, '') || '{}'))
  } catch (error) {
    warn(`${file} is not valid JSON and was left out: ${(error as Error).message}`) // safe: JSON.parse throws Errors
    return {}
  }
}

/** `index.main` as in CloudBase: the file without its ending, and the export. */
function handlerOf(handler: unknown): [file: string, exportName: string] {
  const text = typeof handler === 'string' && handler.includes('.') ? handler : 'index.main'
  const dot = text.lastIndexOf('.')
  return [text.slice(0, dot), text.slice(dot + 1)]
}

function findEntry(folder: string, file: string): string | undefined {
  const named = ['.js', '.cjs', '.mjs', '.ts', '.mts', '.cts', '.py'].map((ending) => path.join(folder, file + ending))
  return named.find((candidate) => existsSync(candidate))
}

/** CloudBase's Python template calls its function main_handler; `main` is taken if that is what the file defines. */
const pythonExport = (file: string) => (/^def main\b/m.test(readFileSync(file, 'utf8')) ? 'main' : 'main_handler')

function triggersOf(triggers: unknown): FunctionTrigger[] {
  if (!Array.isArray(triggers)) return []
  return triggers
    .map(asSettings)
    .filter((trigger) => trigger['type'] === 'timer' && typeof trigger['config'] === 'string')
    .map((trigger) => ({
      name: String(trigger['name'] ?? 'timer').slice(0, TRIGGER_NAME_CHARACTERS),
      cron: String(trigger['config']),
    }))
}

const isFolder = (place: string) => statSync(place, { throwIfNoEntry: false })?.isDirectory() === true
const asSettings = (value: unknown): Settings =>
  value !== null && typeof value === 'object' && !Array.isArray(value) ? (value as Settings) : {} // safe: checked here
const numberOf = (value: unknown) => (Number.isFinite(Number(value ?? Number.NaN)) ? Number(value) : undefined)
const textValues = (value: unknown): Record<string, string> =>
  Object.fromEntries(Object.entries(asSettings(value)).map(([name, text]) => [name, String(text)]))
