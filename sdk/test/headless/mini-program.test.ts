/** The harness itself: it must run what real programs are written like. */
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import { type MiniProgram, openMiniProgram } from './mini-program.ts'
import { createPhone, type Phone } from './phone.ts'

const FILES = {
  'app.json': JSON.stringify({ pages: ['pages/a/a', 'pages/b/b'], subPackages: [{ root: 'extra', pages: ['c/c'] }] }),
  'app.js': `const util = require('/lib/util'); App({ globalData: { n: util.one }, onLaunch() { this.started = true } })`,
  'lib/util.js': 'exports.one = 1',
  'lib/modern.js': 'export const two = 2\nexport default () => 3',
  'miniprogram_npm/left/index.js': 'module.exports = (text) => text.trim()',
  'pages/a/a.js': `
    import three, { two } from '../../lib/modern'
    const trim = require('left')
    Page({
      data: { list: [{ n: 1 }], name: trim(' x ') },
      onLoad({ id }) { this.setData({ id, 'list[0].n': two, 'deep.er.value': three() }) },
      onTap(event) { this.setData({ tapped: event.currentTarget.dataset.k }) },
      onBroken() { return Promise.reject(new Error('broken')) },
      onLater() { setTimeout(() => Promise.reject(new Error('later')), 0) },
      onGo() { wx.navigateTo({ url: '/pages/b/b?from=a' }) },
      onWx() { wx.somethingNew({ success: () => this.setData({ isNew: true }) }); wx.createCanvasContext('c').draw() },
    })`,
  'pages/b/b.ts': `
    Component({
      behaviors: [Behavior({ data: { mixed: true } })],
      properties: { from: { type: String, value: 'nobody' } },
      data: { count: 0 as number },
      methods: { onLoad(query: { from: string }) { this.setData({ from: query.from, app: getApp().globalData.n }) } },
    })`,
  'extra/c/c.js': 'Page({})',
}

describe('headless mini program', () => {
  const root = mkdtempSync(path.join(os.tmpdir(), 'sampan-program-'))
  let phone: Phone
  let program: MiniProgram
  before(async () => {
    for (const [name, text] of Object.entries(FILES)) {
      mkdirSync(path.dirname(path.join(root, name)), { recursive: true })
      writeFileSync(path.join(root, name), text)
    }
    phone = createPhone({ loginCode: () => 'code' })
    program = await openMiniProgram({ root, phone })
  })
  after(() => {
    program.close()
    rmSync(root, { recursive: true, force: true })
  })

  it('launches the app and lists the pages of subpackages too', () => {
    assert.equal(program.app['started'], true)
    assert.deepEqual(program.routes, ['pages/a/a', 'pages/b/b', 'extra/c/c'])
  })

  it('loads ES modules, packages, and pages with their query', async () => {
    const { data } = await program.open('/pages/a/a?id=7')
    assert.deepEqual(data, { list: [{ n: 2 }], name: 'x', id: '7', deep: { er: { value: 3 } } })
  })

  it('gives each opening its own data', async () => {
    const first = await program.open('/pages/a/a?id=1')
    const second = await program.open('/pages/a/a?id=2')
    await first.tap('onTap', { k: 'v' })
    assert.deepEqual([first.data['tapped'], second.data['tapped'], second.data['id']], ['v', undefined, '2'])
  })

  it('follows where the program goes, to a page written as a TypeScript component', async () => {
    const page = await program.open('/pages/a/a?id=1')
    await page.tap('onGo')
    const next = await program.follow()
    assert.deepEqual([next.route, next.data], ['pages/b/b', { mixed: true, from: 'a', count: 0, app: 1 }])
  })

  it('collects what the program throws, at once or later, without ending the test', async () => {
    const page = await program.open('/pages/a/a?id=1')
    await page.tap('onBroken')
    await page.tap('onLater')
    await new Promise((resolve) => setTimeout(resolve, 20))
    assert.deepEqual(
      program.errors.map((error) => (error as Error).message),
      ['broken', 'later'],
    )
  })

  it('lets parts of WeChat’s API that it does not know succeed', async () => {
    const page = await program.open('/pages/a/a?id=1')
    await page.tap('onWx')
    assert.equal(page.data['isNew'], true)
  })
})
