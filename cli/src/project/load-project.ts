/** Reads a mini program project: WeChat's project.config.json, then sampan.config.ts if there is one. */
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { registerHooks } from 'node:module'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import type { CollectionDefinition, JsonObject } from '@sampan/server/features/documents/document-request'
import type { DeclaredJob } from '@sampan/server/features/jobs/jobs'
import type { DeclaredAlarms } from '@sampan/server/features/monitor/alarm-settings'
import type { RoomRule } from '@sampan/server/features/rooms/rooms'
import type { DeclaredSale } from '@sampan/server/features/stock/define-sale'
import { CommandError } from '../command.ts'
import { findCollectionNames } from './find-collections.ts'
import { type Framework, findFramework } from './find-framework.ts'
import { checkSampanConfig, type SampanConfig } from './sampan-config.ts'

export type Project = {
  readonly root: string
  readonly name: string
  readonly appId: string
  readonly env: string
  readonly functionsRoot: string | undefined
  readonly miniprogramRoot: string
  /** What builds the pages; undefined: they are loaded as they are written. */
  readonly framework: Framework | undefined
  readonly collections: readonly CollectionDefinition[]
  /** Where the collections come from: declared in sampan.config.ts, or found in the code of a project without one. */
  readonly collectionsFrom: 'config' | 'code'
  readonly seed: Readonly<Record<string, readonly JsonObject[]>>
  readonly rooms: readonly RoomRule[]
  readonly sales: readonly DeclaredSale[]
  readonly jobs: readonly DeclaredJob[]
  /** Who is told of alarms, and when, as far as the file says so. */
  readonly alarms: DeclaredAlarms | undefined
  /** Own routes and migrations. */
  readonly serverRoot: string | undefined
  /** Settings of the server that the project decides, by their names. */
  readonly settings: Readonly<Record<string, string>>
}

const CONFIG_FILES = ['sampan.config.ts', 'sampan.config.mjs', 'sampan.config.js', 'sampan.config.json']
/** Where CloudBase projects keep their functions when project.config.json does not say. */
const USUAL_FUNCTION_FOLDERS = ['cloudfunctions', 'cloud/functions', 'functions', 'cloud']

/** @throws {CommandError} if the folder is no mini program project, or a file in it cannot be read */
export async function loadProject(folder: string): Promise<Project> {
  const root = path.resolve(folder)
  if (!existsSync(root)) throw new CommandError(`There is no folder ${root}.`, 'Name the project with --project DIR.')

  const wechat = await readWeChatConfig(root)
  const config = await readSampanConfig(root)
  const functionsRoot = findFunctionsRoot(root, wechat['cloudfunctionRoot'])
  const miniprogramRoot = path.join(root, textOr(wechat['miniprogramRoot'], '.'))
  if (!functionsRoot && !config && Object.keys(wechat).length === 0) {
    throw new CommandError(
      `${root} has neither project.config.json nor cloudfunctions/ nor sampan.config.ts.`,
      'Run this in a mini program project, or name one with --project DIR.',
    )
  }
  const framework = await findFramework(root, path.resolve(miniprogramRoot))
  const pagesRoot = framework?.sourceRoot ?? miniprogramRoot
  const found = config?.collections ? [] : await findCollectionNames([functionsRoot, pagesRoot])
  return {
    root,
    name: plainName(textOr(wechat['projectname'], path.basename(root))),
    appId: textOr(wechat['appid'], ''),
    env: config?.env ?? 'prod',
    functionsRoot,
    miniprogramRoot,
    framework,
    collections: config?.collections ?? found.map((name) => ({ name, rules: 'PRIVATE', indexes: [] })),
    collectionsFrom: config?.collections ? 'config' : 'code',
    seed: config?.seed ?? {},
    rooms: config?.rooms ?? [],
    sales: (config?.sales ?? []).map(toSale),
    jobs: config?.jobs ?? [],
    alarms: config?.alarms,
    serverRoot: findServerRoot(root),
    settings: config?.settings ?? {},
  }
}

/** Without what was left out: the server's definition has no undefined fields. */
function toSale({ start, end, items, ...sale }: NonNullable<SampanConfig['sales']>[number]): DeclaredSale {
  const withoutGaps = <T extends object>(value: T) => JSON.parse(JSON.stringify(value)) as T // safe: plain data
  return withoutGaps({ ...sale, items, startsAtMs: start, endsAtMs: end }) as DeclaredSale // safe: checked by the schema
}

async function readWeChatConfig(root: string): Promise<Record<string, unknown>> {
  const place = path.join(root, 'project.config.json')
  if (!existsSync(place)) return {}
  try {
    return JSON.parse(stripByteOrderMark(await readFile(place, 'utf8'))) as Record<string, unknown> // safe: fields are checked
  } catch (cause) {
    throw new CommandError(`${place} is not valid JSON.`, 'WeChat DevTools writes this file; repair or restore it.', {
      cause,
    })
  }
}

async function readSampanConfig(root: string): Promise<SampanConfig | undefined> {
  const file = CONFIG_FILES.map((name) => path.join(root, name)).find((place) => existsSync(place))
  if (!file) return undefined
  if (file.endsWith('.json')) return checkSampanConfig(JSON.parse(await readFile(file, 'utf8')), file)
  const { href: configUrl } = pathToFileURL(file)
  // Said once here, or Node warns that the project's package.json does not say it.
  const hooks = registerHooks({
    load: (url, context, next) =>
      next(url, url === configUrl && file.endsWith('.ts') ? { ...context, format: 'module-typescript' } : context),
  })
  const module = (await import(configUrl).finally(() => hooks.deregister())) as { default?: unknown } // safe: checked below
  return checkSampanConfig(module.default, file)
}

function findFunctionsRoot(root: string, configured: unknown): string | undefined {
  const candidates = typeof configured === 'string' && configured ? [configured] : USUAL_FUNCTION_FOLDERS
  return candidates.map((folder) => path.join(root, folder)).find((folder) => existsSync(folder))
}

const textOr = (value: unknown, fallback: string) => (typeof value === 'string' && value !== '' ? value : fallback)

const stripByteOrderMark = (text: string) => text.replace(/^\uFEFF/, '')

/** DevTools writes names that are not ASCII percent-encoded. */
function plainName(name: string): string {
  try {
    return decodeURIComponent(name)
  } catch {
    return name // a percent sign that is part of the name
  }
}

/** Only if it is meant for us: many projects have a folder `server` with a program of their own. */
function findServerRoot(root: string): string | undefined {
  const folder = path.join(root, 'server')
  const isOurs =
    existsSync(path.join(folder, 'migrations')) || CONFIG_FILES.some((name) => existsSync(path.join(root, name)))
  return existsSync(folder) && isOurs ? folder : undefined
}
