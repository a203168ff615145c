import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { layOut } from '../src/drawing/layout.ts'
import { plan, renderHtml, renderMermaid, renderReport, renderSvg } from '../src/index.ts'

const INPUTS = [
  {
    type: 'shop',
    dau: 5000,
    peakOnline: 300,
    features: ['upload', 'pay', 'im', 'cron', 'flash-sale'],
    bundle: '2c4g6m',
  },
  { type: 'content', dau: 5000, features: ['transcode'], bundle: '2c4g200m' },
  { type: 'crm', dau: 800, database: 'mysql', bundle: '2c4g6m' },
  { type: 'community', dau: 300_000 },
  { type: 'tool', dau: 100, features: ['two-zones'] },
  { type: 'tool', dau: 100, features: ['no-operator'] },
]

describe('drawing', () => {
  for (const input of INPUTS) {
    const result = plan(input)
    const name = JSON.stringify(input)

    it(`draws every component of ${name}, none over another and each inside its frame`, async () => {
      const { nodes, groups } = await layOut(result.architecture, 'zh')
      for (const [index, a] of nodes.entries()) {
        assert.ok(a.width > 0, a.node.id)
        for (const b of nodes.slice(index + 1)) {
          const apart = a.x + a.width <= b.x || b.x + b.width <= a.x || a.y + a.height <= b.y || b.y + b.height <= a.y
          assert.ok(apart, `${a.node.id} lies over ${b.node.id}`)
        }
        const frame = groups.find(({ group }) => group.id === a.node.group)
        if (frame)
          assert.ok(
            a.x >= frame.x && a.x + a.width <= frame.x + frame.width && a.y + a.height <= frame.y + frame.height,
          )
      }
    })

    it(`marks what binds, or what it was chosen for, in ${name}`, async () => {
      const { groups, nodes, binding } = result.architecture
      assert.equal([...groups, ...nodes].filter(({ isBinding }) => isBinding).length, 1)
      assert.ok((await renderSvg(result, { lang: 'zh' })).includes(binding.label.zh))
      assert.match(renderMermaid(result), /class \w+ binding/)
    })
  }

  it('draws the same picture twice, without fonts, scripts, styles or addresses from elsewhere', async () => {
    const result = plan(INPUTS[0])
    for (const theme of ['light', 'dark'] as const) {
      const svg = await renderSvg(result, { lang: 'zh', theme })
      assert.equal(svg, await renderSvg(plan(INPUTS[0]), { lang: 'zh', theme }))
      assert.match(svg, /role="img"/)
      assert.match(svg, /<title id="t">.+<\/title>\n<desc id="d">.+<\/desc>/)
      assert.doesNotMatch(svg, /<style|<script|var\(|url\(|@import|href=|NaN|undefined/)
    }
  })

  it('escapes what people named', async () => {
    const { architecture, recommendation } = plan(INPUTS[0])
    const evil = { en: '<script>"&\'', zh: '<script>"&\'' }
    const nodes = architecture.nodes.map((node) => ({ ...node, label: evil }))
    const forged = { architecture: { ...architecture, nodes }, recommendation }
    assert.doesNotMatch(await renderSvg(forged), /<script/)
    assert.doesNotMatch(renderMermaid(forged), /<script|"&/)
  })
})

describe('report', () => {
  it('says in both languages what binds, the headroom, the price and what to do', () => {
    const result = plan({ type: 'shop', dau: 5000, images: 'server', bundle: '2c4g6m' })
    const zh = renderReport(result, 'zh')
    const en = renderReport(result, 'en')
    assert.match(zh, /^不够/)
    assert.match(zh, /最先到顶\s+带宽/)
    assert.match(en, /Binds first\s+line/)
    for (const report of [zh, en]) assert.match(report, /¥\d/)
  })

  it('never prints undefined, NaN or an object', () => {
    for (const input of INPUTS) {
      for (const lang of ['zh', 'en'] as const)
        assert.doesNotMatch(renderReport(plan(input), lang), /undefined|NaN|\[object/)
    }
  })

  it('makes a page that needs nothing but itself', async () => {
    const html = await renderHtml(plan(INPUTS[0]), 'zh')
    assert.match(html, /^<!doctype html>\n<html lang="zh-CN">/)
    assert.doesNotMatch(html, /<script|<link|@import|src=|url\(|undefined|NaN/)
    assert.equal(html.match(/id="t-light"/g)?.length, 1)
  })

  it('says in Chinese which box to buy, and every unit', async () => {
    const html = await renderHtml(plan({ type: 'shop', dau: 5000, images: 'server', bundle: '2c4g6m' }), 'zh')
    assert.match(html, /<h3>轻量服务器[^<]*<\/h3><p>2C4G · 200 Mbps/)
    assert.doesNotMatch(html, /in \d+ days/)
  })
})
