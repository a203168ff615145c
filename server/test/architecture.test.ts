/** ARCHITECTURE.md, "Imports point down", as code: each part may import itself and the parts after it. */
import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, it } from 'node:test'
import { ERRORS } from '@sampan/protocol/errors'
import { SETTINGS } from '../src/config.ts'

const ROOT = path.resolve(import.meta.dirname, '../..')

/** Inside server/src. */
const ORDER =
  'start-server app own-routes open-resources cloudbase features wechat storage cache database http config log errors'.split(
    ' ',
  )
/** Features, from the one that uses most to the one that uses least. */
const FEATURE_ORDER = 'console monitor rooms payments stock messages functions jobs files documents sessions'.split(' ')

/** Which of our packages each package may import. */
const PACKAGES: Record<string, readonly string[]> = {
  protocol: [],
  planner: ['protocol'],
  sdk: ['protocol'],
  console: ['protocol', 'planner'],
  simulator: ['protocol'],
  bench: ['protocol'],
  server: ['protocol', 'planner'],
  cli: ['protocol', 'planner', 'server', 'simulator', 'bench'],
}

type Source = { readonly file: string; readonly text: string }

describe('architecture', () => {
  it('imports inside the server only point down', () => {
    const wrong = sources('server/src').flatMap(({ file, text }) =>
      localImports(file, text)
        .filter((target) => rank(target) < rank(file))
        .map((target) => `${file} imports ${target}`),
    )
    assert.deepEqual(wrong, [])
  })

  it('packages import only the packages that the map allows', () => {
    const wrong = Object.entries(PACKAGES).flatMap(([name, allowed]) =>
      sources(`${name}/src`).flatMap(({ file, text }) =>
        [...text.matchAll(/(?:from|import\()\s*'(?:@sampan\/(\w+)|(sampan))[/']/g)]
          .map(([, scoped, sdk]) => scoped ?? (sdk ? 'sdk' : ''))
          .filter((target) => target !== name && !allowed.includes(target))
          .map((target) => `${name}/src/${file} imports ${target}`),
      ),
    )
    assert.deepEqual(wrong, [])
  })

  it('no import leaves its package by a relative path', () => {
    const wrong = Object.keys(PACKAGES).flatMap((name) =>
      sources(`${name}/src`).flatMap(({ file, text }) =>
        localImports(file, text)
          .filter((target) => target.startsWith('..'))
          .map((target) => `${name}/src/${file} imports ${target}`),
      ),
    )
    assert.deepEqual(wrong, [])
  })

  it('no import leads back to where it came from', () => {
    const circles = Object.keys(PACKAGES).flatMap((name) =>
      findCircles(sources(`${name}/src`)).map((circle) => `${name}: ${circle}`),
    )
    assert.deepEqual(circles, [])
  })

  it('only main.ts and the function worker read the environment', () => {
    const mayRead = new Set(['cli/src/main.ts', 'cli/src/bench/main.ts', ...WORKER_ENTRIES])
    const wrong = Object.keys(PACKAGES)
      .flatMap((name) => sources(`${name}/src`).map(({ file, text }) => ({ file: `${name}/src/${file}`, text })))
      .filter(({ file, text }) => /\bprocess\.env\b/.test(text) && !mayRead.has(file))
      .map(({ file }) => file)
    assert.deepEqual(wrong, [])
  })

  it('planner and protocol do no I/O: they import nothing of Node', () => {
    const wrong = ['protocol', 'planner'].flatMap((name) =>
      sources(`${name}/src`)
        .filter(({ text }) => /from 'node:/.test(text))
        .map(({ file }) => `${name}/src/${file}`),
    )
    assert.deepEqual(wrong, [])
  })

  it('documents every error code and every setting in both languages', () => {
    const missing = [
      ...undocumented('docs/errors.md', Object.keys(ERRORS)),
      ...undocumented('docs/errors.zh-CN.md', Object.keys(ERRORS)),
      ...undocumented('docs/config.md', Object.keys(SETTINGS)),
      ...undocumented('docs/config.zh-CN.md', Object.keys(SETTINGS)),
    ]
    assert.deepEqual(missing, [])
  })

  it('uses every error code somewhere: a code nobody throws misleads its readers', () => {
    const code = Object.keys(PACKAGES)
      .flatMap((name) => sources(`${name}/src`))
      .filter(({ file }) => file !== 'errors.ts') // the two tables themselves
      .map(({ text }) => text)
      .join('\n')
    const unused = Object.keys(ERRORS).filter((name) => !code.includes(`'${name}'`))
    assert.deepEqual(unused, [])
  })
})

/** Entry points of processes that the SDKs of functions read their identity in. */
const WORKER_ENTRIES = sourcesIfAny('server/src/features/functions')
  .map(({ file }) => `server/src/features/functions/${file}`)
  .filter((file) => /\/function-worker\b|\/worker-|\/light-sdk\//.test(file))

function sources(folder: string): Source[] {
  const root = path.join(ROOT, folder)
  return readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((file) => /\.(ts|vue|cts|mts|cjs)$/.test(file) && !file.includes('node_modules'))
    .map((file) => ({ file: file.replaceAll(path.sep, '/'), text: readFileSync(path.join(root, file), 'utf8') }))
}

function sourcesIfAny(folder: string): Source[] {
  return existsSync(path.join(ROOT, folder)) ? sources(folder) : []
}

function localImports(file: string, text: string): string[] {
  return [...text.matchAll(/(?:from|import\()\s*'(\.[^']+)'/g)].map(([, to = '']) =>
    path.posix.join(path.posix.dirname(file), to),
  )
}

/** Smaller is higher up. A folder that is not on the map fails the test: draw the map first. */
function rank(file: string): number {
  const [part = '', feature = ''] = file.replace(/\.ts$/, '').split('/')
  const level = ORDER.indexOf(part)
  const step = part === 'features' ? FEATURE_ORDER.indexOf(feature) : 0
  assert.ok(level >= 0 && step >= 0, `${file} is not on the map in ARCHITECTURE.md`)
  return level + step / 100
}

function undocumented(page: string, names: readonly string[]): string[] {
  const text = readFileSync(path.join(ROOT, page), 'utf8')
  return names.filter((name) => !text.includes(`\`${name}\``)).map((name) => `${page}: ${name}`)
}

/** Each file that can reach itself through imports, types included, with the way. */
function findCircles(all: readonly Source[]): string[] {
  const targets = new Map(all.map(({ file, text }) => [file, localImports(file, text)]))
  const isDone = new Set<string>()
  const circles: string[] = []
  const visit = (file: string, way: readonly string[]) => {
    const at = way.indexOf(file)
    if (at >= 0) circles.push([...way.slice(at), file].join(' → '))
    if (at >= 0 || isDone.has(file)) return
    for (const target of targets.get(file) ?? []) visit(target, [...way, file])
    isDone.add(file)
  }
  for (const { file } of all) visit(file, [])
  return circles
}
