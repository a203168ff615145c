import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { toCapacityFile } from '../src/capacity-file.ts'
import { measure } from '../src/measure.ts'
import { renderHtmlReport } from '../src/report-html.ts'
import { renderTextReport } from '../src/report-text.ts'
import type { Scenario } from '../src/scenario.ts'
import { readBody, startTarget } from './start-target.ts'

const SCENARIO: Scenario = {
  name: 'mix',
  about: { en: 'a test', zh: '测试' },
  users: 3,
  steps: [
    { name: 'list', weight: 60, method: 'GET', path: '/list' },
    { name: 'submit', weight: 40, method: 'POST', path: '/forms', body: { run: '{{run}}' } },
  ],
  cleanUp: [{ name: 'clean', weight: 1, method: 'POST', path: '/clean', body: { run: '{{run}}' } }],
}

describe('measuring a server', () => {
  it('finds what it carries, and removes what it wrote, once per user', async () => {
    const written = new Set<string>()
    const cleaned: string[] = []
    const target = await startTarget(async (request, response) => {
      const body = await readBody(request)
      if (request.url === '/forms') written.add(JSON.parse(body).run)
      if (request.url === '/clean') cleaned.push(JSON.parse(body).run)
      response.end(request.url === '/v1/login' ? JSON.stringify({ token: 't', expiresAtMs: 1, openId: 'o' }) : '{}')
    })
    const measurement = await measure({
      url: `http://127.0.0.1:${target.port}`,
      scenario: SCENARIO,
      probeMs: 150,
      maxPerSecond: 500,
      fsyncFolder: process.env['TMPDIR'] ?? '/tmp',
      onProgress: () => {},
    })
    await target.close()

    assert.equal(cleaned.length, 3)
    assert.deepEqual(new Set(cleaned), written)
    assert.ok(measurement.saturation.okPerSecond > 0)
    assert.ok(measurement.knee.probes.every(({ perSecond }) => perSecond <= 525))
    assert.deepEqual(
      measurement.steps.map(({ name }) => name),
      ['list', 'submit'],
    )

    const capacity = toCapacityFile(measurement, { cpuMsPerRequest: { function: 3 } } as never)
    assert.equal(capacity.cpuMsPerRequest.function, 3)
    if (process.platform === 'linux') {
      assert.ok((capacity.cpuMsPerRequest.list ?? 0) > 0)
      assert.ok((capacity.idleMemoryMB ?? 0) > 0)
    }
    for (const lang of ['en', 'zh'] as const) assert.match(renderTextReport(measurement, lang), /list/)
    const html = renderHtmlReport(measurement, 'zh')
    assert.match(html, /<svg/)
    assert.doesNotMatch(html, /<script|src=|href=|NaN/)
  })
})
