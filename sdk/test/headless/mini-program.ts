/**
 * Runs a mini program's code without a screen: `App`, its pages, and what they call, on a headless phone.
 *
 * Pages get their lifecycle, `setData` and events; WXML is not rendered, so a test calls the handlers that WXML names.
 */
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { createModuleLoader } from './module-loader.ts'
import { collectRejections } from './own-rejections.ts'
import type { Phone } from './phone.ts'

// biome-ignore lint/suspicious/noExplicitAny: the program's own objects, which it writes without types
export type Loose = Record<string, any>

export type HeadlessPage = {
  readonly route: string
  /** The page object itself: `this` in its handlers. */
  readonly instance: Loose
  /** What the page shows. */
  readonly data: Loose
  /** Calls a handler as an event would, and waits until the phone is quiet again. */
  tap(handler: string, dataset?: object): Promise<void>
  /** The same for an event with a detail, such as input's `{ value }`. */
  send(handler: string, detail: object, dataset?: object): Promise<void>
  /** Calls a lifecycle method or any other. */
  call(method: string, ...args: unknown[]): Promise<unknown>
}

export type MiniProgram = {
  readonly app: Loose
  /** Routes of app.json, subpackages too. */
  readonly routes: readonly string[]
  /** What the program wrote to `console.error`, and exceptions that nobody caught. */
  readonly errors: unknown[]
  /** Opens a page such as `/pages/seat/seat?id=1` and waits until it has loaded. */
  open(url: string): Promise<HeadlessPage>
  /** The page where the program itself went last (`navigateTo`, `switchTab`…), opened. */
  follow(): Promise<HeadlessPage>
  close(): void
}

type Options = {
  /** The folder that holds app.json. */
  root: string
  phone: Phone
  /** Files of the program that are different here, by their path in it. */
  files?: Readonly<Record<string, string>>
  /** Runs before app.js, such as to install a client. */
  beforeLaunch?: (wx: Loose) => void
}

export async function openMiniProgram({ root, phone, files = {}, beforeLaunch }: Options): Promise<MiniProgram> {
  const config: Loose = JSON.parse(readFileSync(path.join(root, 'app.json'), 'utf8'))
  const errors: unknown[] = []
  const intervals = new Set<NodeJS.Timeout>()
  const stack: Loose[] = []
  const app: Loose = {}
  let registered: Loose | undefined
  const stopCollecting = collectRejections(root, (error) => errors.push(error))

  const scope = {
    wx: phone.wx,
    App: (definition: Loose) => Object.assign(app, definition),
    Page: (definition: Loose) => {
      registered = definition
    },
    Component: (definition: Loose) => {
      registered = asPage(definition)
    },
    Behavior: (definition: Loose) => definition,
    getApp: () => app,
    getCurrentPages: () => stack,
    console: {
      ...console,
      log() {},
      info() {},
      debug() {},
      warn() {},
      error: (...args: unknown[]) => errors.push(...args),
    },
    setInterval: (...args: Parameters<typeof setInterval>) => {
      const timer = setInterval(...args)
      intervals.add(timer)
      return timer
    },
  }
  const loader = createModuleLoader(root, scope, files)

  /** Runs the program's code; what it throws is the program's own trouble, as on a phone. */
  const run = async (work: () => unknown) => {
    try {
      return await work()
    } catch (error) {
      errors.push(error)
      return undefined
    } finally {
      await phone.settle()
    }
  }

  beforeLaunch?.(phone.wx)
  loader.require('./app')
  await run(() => app['onLaunch']?.({ path: '', query: {}, scene: 1001 }))
  await run(() => app['onShow']?.({ path: '', query: {}, scene: 1001 }))

  const open = async (url: string): Promise<HeadlessPage> => {
    const [route = '', search = ''] = url.replace(/^\//, '').split('?')
    registered = undefined
    // Each opening makes a fresh page object from the same definition, as on a phone.
    if (!definitions.has(route)) loader.require(`./${route}`)
    const definition = definitions.get(route) ?? registered
    if (!definition) throw new Error(`${route} registers no page`)
    definitions.set(route, definition)
    const instance = createInstance(definition, route)
    stack.push(instance)
    const query = Object.fromEntries(new URLSearchParams(search))
    await run(() => instance['onLoad']?.({ ...query }))
    await run(() => instance['onShow']?.())
    await run(() => instance['onReady']?.())
    const call = async (method: string, ...args: unknown[]) => {
      if (typeof instance[method] !== 'function') throw new Error(`${route} has no ${method}`)
      return run(() => instance[method](...args))
    }
    const send = async (handler: string, detail: object, dataset: object = {}) => {
      await call(handler, { type: 'tap', detail, currentTarget: { dataset }, target: { dataset } })
    }
    return {
      route,
      instance,
      get data() {
        return instance['data']
      },
      call,
      send,
      tap: (handler, dataset) => send(handler, {}, dataset),
    }
  }
  const definitions = new Map<string, Loose>()

  return {
    app,
    routes: routesOf(config),
    errors,
    open,
    follow() {
      const last = phone.shown.findLast(({ options }) => typeof options['url'] === 'string')
      if (!last) throw new Error('the program went nowhere')
      return open(String(last.options['url']))
    },
    close() {
      for (const timer of intervals) clearInterval(timer)
      stopCollecting()
      phone.close()
    },
  }
}

function routesOf(config: Loose): string[] {
  const packages: Loose[] = config['subPackages'] ?? config['subpackages'] ?? []
  return [
    ...(config['pages'] ?? []),
    ...packages.flatMap(({ root, pages }) => pages.map((page: string) => path.posix.join(root, page))),
  ]
}

function createInstance(definition: Loose, route: string): Loose {
  const instance: Loose = { ...definition, route, data: structuredClone(definition['data'] ?? {}) }
  instance['setData'] = (changes: Loose, done?: () => void) => {
    for (const [keyPath, value] of Object.entries(changes)) setPath(instance['data'], keyPath, value)
    if (done) setImmediate(done)
  }
  instance['selectComponent'] = () => null
  instance['selectAllComponents'] = () => []
  instance['createSelectorQuery'] = () => NO_NODES
  instance['triggerEvent'] = () => {}
  instance['getOpenerEventChannel'] = () => ({ on() {}, once() {}, off() {}, emit() {} })
  return instance
}

/** `setData({ 'list[0].name': 'x' })` */
function setPath(data: Loose, keyPath: string, value: unknown) {
  const keys = keyPath.split(/[.[\]]+/).filter(Boolean)
  const last = keys.pop() ?? ''
  let target = data
  for (const [index, key] of keys.entries()) {
    target[key] ??= /^\d+$/.test(keys[index + 1] ?? last) ? [] : {}
    target = target[key]
  }
  target[last] = value
}

/** A page written with `Component`. */
function asPage({ data, properties = {}, methods = {}, lifetimes = {}, behaviors = [], ...rest }: Loose): Loose {
  const mixed = Object.assign({}, ...behaviors.map((behavior: Loose) => asPage(behavior)))
  const defaults = Object.fromEntries(
    Object.entries(properties).map(([name, property]) => [name, (property as Loose)?.['value']]),
  )
  const own = { ...rest, ...lifetimes, ...methods }
  return { ...mixed, ...own, data: { ...mixed['data'], ...defaults, ...data } }
}

/** A query that finds nothing. */
const NO_NODES: Loose = new Proxy(
  {},
  {
    get:
      (_, name) =>
      (...args: unknown[]) => {
        const callback = args.find((arg) => typeof arg === 'function') as ((nodes: unknown) => void) | undefined
        callback?.(name === 'exec' ? [] : null)
        return NO_NODES
      },
  },
)
