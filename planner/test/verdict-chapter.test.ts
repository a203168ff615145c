import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, it } from 'node:test'
import { SOURCES } from '../src/catalogue/sources.ts'
import { REFERENCE } from '../src/index.ts'
import { VERDICT_TABLES, type VerdictTable } from '../src/report/verdict-tables.ts'

const CHAPTERS = [
  { lang: 'en', file: 'verdict.md' },
  { lang: 'zh', file: 'verdict.zh-CN.md' },
] as const

/** `UPDATE_DOCS=1 node --test planner/test/verdict-chapter.test.ts` writes the tables instead of comparing them. */
const isUpdate = process.env['UPDATE_DOCS'] === '1'

describe('the chapter about the verdict', () => {
  for (const { lang, file } of CHAPTERS) {
    const place = path.resolve(import.meta.dirname, '../../docs', file)
    const between = (name: string) => new RegExp(`(<!-- table:${name} -->\n\n)[^]*?(\n\n<!-- /table -->)`)

    for (const [name, render] of Object.entries(VERDICT_TABLES) as [VerdictTable, (lang: 'en' | 'zh') => string][]) {
      // safe: the keys of a literal
      it(`${file} prints the table of ${name} that the code computes today`, () => {
        const content = readFileSync(place, 'utf8')
        assert.match(content, between(name))
        const fresh = content.replace(
          between(name),
          (_, before: string, after: string) => before + render(lang) + after,
        )
        if (isUpdate) writeFileSync(place, fresh)
        else assert.equal(content, fresh)
      })
    }

    it(`${file} states the defaults that the code uses`, () => {
      const content = readFileSync(place, 'utf8')
      const { cpuMsPerRequest, kilobytesPerConnection, fsyncMs, assuredPeakMbps, handshakesPerCoreSecond } = REFERENCE
      for (const figure of [
        `${cpuMsPerRequest.usual} ms`,
        `${kilobytesPerConnection} KB`,
        `${fsyncMs} ms`,
        `${assuredPeakMbps} Mbps`,
        `${handshakesPerCoreSecond}`,
      ]) {
        assert.ok(content.includes(figure), figure)
      }
    })

    it(`${file} links every source that has an address`, () => {
      const content = readFileSync(place, 'utf8')
      for (const { url, title } of Object.values(SOURCES)) if (url) assert.ok(content.includes(url), title.en)
    })
  }
})
