/** The documentation is held to the code: generated pages are current, links lead somewhere, both languages are there. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, it } from 'node:test'

const ROOT = path.resolve(import.meta.dirname, '../..')
const read = (file: string) => readFileSync(path.join(ROOT, file), 'utf8')
const PAGES = [
  'README.md',
  'README.zh-CN.md',
  'ARCHITECTURE.md',
  'CONTRIBUTING.md',
  'CHANGELOG.md',
  ...readdirSync(path.join(ROOT, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
]
/** For people who work on Sampan: in the language of its code. */
const ENGLISH_ONLY = new Set(['principles.md'])

describe('documentation', () => {
  it('has generated pages that say what the tables say', () => {
    execFileSync(process.execPath, [path.join(ROOT, 'docs/generate.ts'), '--check'], { stdio: 'pipe' })
  })

  it('has no link to a page that is not there', () => {
    const broken = PAGES.flatMap((page) =>
      [...read(page).matchAll(/\]\((?!https?:|#)([^)#\s]+)[^)]*\)/g)]
        .map(([, target = '']) => path.join(path.dirname(page), target))
        .filter((target) => !existsSync(path.join(ROOT, target)))
        .map((target) => `${page} → ${target}`),
    )
    assert.deepEqual(broken, [])
  })

  it('has each guide page in both languages', () => {
    const names = readdirSync(path.join(ROOT, 'docs')).filter(
      (name) => name.endsWith('.md') && !name.endsWith('.zh-CN.md'),
    )
    const alone = names.filter(
      (name) => !ENGLISH_ONLY.has(name) && !existsSync(path.join(ROOT, 'docs', name.replace('.md', '.zh-CN.md'))),
    )
    assert.deepEqual(alone, [])
  })

  it('names the same commands and figures in both READMEs', () => {
    const facts = (file: string) =>
      [...read(file).matchAll(/`(sampan [^`]+|npm [^`]+)`|\b(\d[\d,.]*) ?(?:req\/s|KB|MB)/g)].map(([all]) => all).sort()
    assert.deepEqual(facts('README.zh-CN.md'), facts('README.md'))
  })

  it('keeps pages within their size', () => {
    for (const [page, lines] of [
      ['README.md', 150],
      ['README.zh-CN.md', 150],
      ['ARCHITECTURE.md', 150],
      ['CONTRIBUTING.md', 100],
    ] as const) {
      assert.ok(read(page).split('\n').length <= lines + 1, `${page} is longer than ${lines} lines`)
    }
  })

  it('has a lock file that compiles nothing: the SQLite binary comes inside its package', () => {
    // npm ci knows a package only from the lock, and compiles one with a binding.gyp unless the lock says otherwise. npm install
    // drops the word: add `"gypfile": false` again after changing dependencies.
    const { packages } = JSON.parse(read('package-lock.json'))
    assert.equal(packages['node_modules/better-sqlite3'].gypfile, false)
  })

  it('tells no absolute path of a machine and no registry host', () => {
    const files = execFileSync('git', ['ls-files', '-z'], { cwd: ROOT, encoding: 'utf8' })
      .split('\0')
      .filter((file) => /\.(ts|md|json|vue|js|sh|cjs|mjs)$/.test(file))
    const wrong = files.filter(
      (file) =>
        existsSync(path.join(ROOT, file)) &&
        /(?:^|[\s"'`(])\/(?:root|home\/\w+|work)\/|registry\.npm(?:js|mirror)/.test(read(file)),
    )
    assert.deepEqual(
      wrong.filter((file) => file !== 'server/test/documentation.test.ts'),
      [],
    )
  })
})
