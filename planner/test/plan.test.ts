import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import {
  APP_TYPE_IDS,
  type MeasuredCapacity,
  type PlanResult,
  plan,
  type Resource,
  type Verdict,
} from '../src/index.ts'

const SMALL = { cores: 2, memoryGB: 4, mbps: 6, mbpsKind: 'fixed', trafficGB: 800 }
const RAZOR = { cores: 2, memoryGB: 4, mbps: 200, mbpsKind: 'peak', trafficGB: null }
const BADNESS: Verdict[] = ['enough', 'enough-if', 'tight', 'not-enough', 'not-a-fit']

describe('verdict', () => {
  /** Situations from practice whose outcome is known. An empty resource: whatever binds is far from its limit. */
  const KNOWN: [string, unknown, Verdict[], Resource | ''][] = [
    [
      '50 requests a second of forms on 1C2G',
      { requestsPerSecond: 50, bundle: { cores: 1, memoryGB: 2, mbps: 3, trafficGB: 200 } },
      ['enough', 'enough-if'],
      'bandwidth',
    ],
    [
      '100 requests a second of forms on 1C2G',
      { requestsPerSecond: 100, bundle: { cores: 1, memoryGB: 2, mbps: 5, trafficGB: 500 } },
      ['enough', 'enough-if'],
      'bandwidth',
    ],
    [
      '500,000 requests a day on 2C4G and 5 Mbps',
      { meanRequestsPerSecond: 5.8, bundle: { cores: 2, memoryGB: 4, mbps: 5, trafficGB: 500 } },
      ['enough'],
      '',
    ],
    [
      'the same with a 200 KB picture every fifth request',
      { requestsPerSecond: 23, responseKB: 8, imageKBPerSecond: 920, images: 'server', bundle: SMALL },
      ['not-enough'],
      'bandwidth',
    ],
    [
      'a shop that serves its images over 6 Mbps',
      { type: 'shop', dau: 5000, images: 'server', bundle: SMALL },
      ['not-enough'],
      'bandwidth',
    ],
    [
      'the same shop with a CDN',
      { type: 'shop', dau: 2000, images: 'cdn', bundle: SMALL },
      ['enough', 'enough-if'],
      'bandwidth',
    ],
    ['the same shop, razor line and CDN', { type: 'shop', dau: 5000, images: 'cdn', bundle: RAZOR }, ['enough'], ''],
    [
      'one thousand people at once on 6 Mbps',
      { type: 'shop', peakOnline: 1000, responseKB: 8, images: 'cdn', bundle: SMALL },
      ['not-enough'],
      'bandwidth',
    ],
    [
      'one thousand people at once on a razor line',
      { type: 'shop', peakOnline: 1000, responseKB: 8, images: 'cdn', bundle: RAZOR },
      ['enough', 'enough-if'],
      'bandwidth',
    ],
    ['three thousand WebSockets on 2C4G', { connections: 3000, messagesPerSecond: 300, bundle: SMALL }, ['enough'], ''],
    [
      'fifty thousand WebSockets on 2C4G',
      { connections: 50_000, messagesPerSecond: 300, bundle: RAZOR },
      ['not-enough'],
      'connections',
    ],
    [
      'ten thousand buyers in ten seconds on a small line',
      { participants: 10_000, windowSeconds: 10, bundle: SMALL },
      ['not-enough'],
      'bandwidth',
    ],
    [
      'ten thousand buyers in ten seconds on a wide line',
      { participants: 10_000, windowSeconds: 10, bundle: RAZOR },
      ['not-enough'],
      'cpu',
    ],
    ['a thousand buyers in a minute', { participants: 1000, windowSeconds: 60, bundle: RAZOR }, ['enough'], ''],
    [
      'a video a minute, a CPU minute each',
      { jobsPerSecond: 1 / 60, cpuSecondsPerJob: 60, bundle: SMALL },
      ['enough-if'],
      'cpu',
    ],
    ['six videos a minute', { jobsPerSecond: 0.1, cpuSecondsPerJob: 60, bundle: SMALL }, ['not-enough'], 'cpu'],
    [
      'three environments with their own MySQL',
      { memoryMB: 4500, requestsPerSecond: 10, bundle: SMALL },
      ['not-enough'],
      'memory',
    ],
    ['two zones', { type: 'shop', dau: 100, features: ['two-zones'], bundle: SMALL }, ['not-a-fit'], 'requirement'],
    ['live video through the box', { type: 'education', dau: 100, features: ['live'] }, ['not-a-fit'], 'requirement'],
    [
      '800 GB and more a month',
      { meanRequestsPerSecond: 40, requestsPerSecond: 44, responseKB: 9, bundle: { ...SMALL, mbps: 10 } },
      ['not-enough'],
      'traffic',
    ],
    [
      'more writes than the disk takes',
      {
        burstRequestsPerSecond: 1,
        participants: 300_000,
        windowSeconds: 100,
        cpuMsPerRequest: 0.1,
        responseKB: 0.1,
        bundle: { ...RAZOR, cores: 16 },
      },
      ['not-enough'],
      'writes',
    ],
  ]
  for (const [name, input, bands, resource] of KNOWN) {
    it(`${name}: ${bands.join(' or ')}${resource && `, ${resource} binds`}`, () => {
      const { verdict, binding, constraints } = plan(input)
      assert.ok(bands.includes(verdict), `${verdict}; ${summary(constraints)}`)
      if (resource) assert.equal(binding.resource, resource, summary(constraints))
      else assert.ok(binding.utilisation < 0.5, summary(constraints))
    })
  }

  it('judges the named box, and finds the cheapest fitting one when none is named', () => {
    const named = plan({ type: 'tool', dau: 1000, bundle: '8c16g18m' })
    assert.equal(named.about.isGiven, true)
    assert.equal(named.recommendation.bundle?.cores, 8)
    const found = plan({ type: 'tool', dau: 1000 })
    assert.equal(found.about.isGiven, false)
    assert.equal(found.recommendation.bundle?.id, 'tencent-starter-2c2g-2m')
  })

  it('makes a CDN a condition where nobody decided and the line would not carry the images', () => {
    const { verdict, conditions } = plan({ type: 'shop', dau: 2000, bundle: SMALL })
    assert.equal(verdict, 'enough-if')
    assert.deepEqual(conditions, ['images-to-cdn'])
  })

  it('recommends a design beyond one box when no box is enough', () => {
    const { verdict, recommendation, alternatives } = plan({ type: 'community', dau: 200_000 })
    assert.equal(verdict, 'not-enough')
    assert.equal(recommendation.bundle, null)
    assert.ok(['standard', 'kubernetes'].includes(recommendation.design))
    assert.ok(alternatives.some(({ design }) => design === 'cloudbase-run'))
  })

  it('moves heavy work into functions rather than buying a larger box', () => {
    const { recommendation } = plan({ jobsPerSecond: 0.1, cpuSecondsPerJob: 60, bundle: SMALL })
    assert.equal(recommendation.design, 'light-functions')
    assert.ok((recommendation.monthlyCost.parts.functions ?? 0) > 0)
  })

  it('names the images as what flips the verdict of a shop', () => {
    const { flip } = plan({ type: 'shop', dau: 5000, images: 'cdn', bundle: RAZOR })
    assert.equal(flip.parameter, 'images')
    assert.equal(flip.verdict, 'not-enough')
  })

  it('finds a flip value that really flips: the model disagrees on its two sides', () => {
    const input = { burstRequestsPerSecond: 200, cpuMsPerRequest: 1, bundle: { ...SMALL, mbps: 8 } }
    const { flip, verdict } = plan(input)
    assert.equal(flip.parameter, 'responseKB')
    assert.ok(typeof flip.at === 'number')
    assert.equal(plan({ ...input, responseKB: flip.at }).verdict, flip.verdict)
    assert.equal(plan({ ...input, responseKB: flip.at / 1.05 }).verdict, verdict)
  })
})

describe('demand', () => {
  it('turns 500,000 requests a day into 5.8 a second', () => {
    const { demand } = plan({ meanRequestsPerSecond: 500_000 / 86_400, bundle: SMALL })
    assert.ok(Math.abs(demand.requestsPerSecond.mean - 5.79) < 0.01)
  })

  it('agrees with the published outcome of the defaults within a fifth', () => {
    // Peak requests a second, medians, at 5,000 daily users.
    const PUBLISHED = { showcase: 2.4, tool: 2.6, content: 10, shop: 14, community: 28, realtime: 7, saas: 26 }
    for (const [type, expected] of Object.entries(PUBLISHED)) {
      const { peakP50 } = plan({ type, dau: 5000, images: 'cdn', bundle: RAZOR }).demand.requestsPerSecond
      assert.ok(peakP50 / expected > 0.8 && peakP50 / expected < 1.2, `${type}: ${peakP50} against ${expected}`)
    }
  })

  it('calibrates itself from WeChat’s visit statistics and then trusts the median more', () => {
    const visits = [{ visit_uv: 5000, session_cnt: 12_850, visit_pv: 42_400, stay_time_session: 55 }]
    const guessed = plan({ type: 'shop', dau: 5000, bundle: RAZOR })
    const counted = plan({ type: 'shop', visits, bundle: RAZOR })
    assert.equal(counted.confidence, 'medium')
    const { peakP50, planned } = counted.demand.requestsPerSecond
    assert.ok(planned <= peakP50 * 1.3 + 1e-9)
    assert.ok(guessed.demand.requestsPerSecond.planned / guessed.demand.requestsPerSecond.peakP50 > 1.5)
  })

  it('lets a stated figure beat the model', () => {
    const { demand } = plan({ type: 'shop', dau: 5000, requestsPerSecond: 77, bundle: RAZOR })
    assert.equal(demand.requestsPerSecond.peakP50, 77)
    assert.equal(demand.requestsPerSecond.peakP90, 77)
  })

  it('reads people at once as people: a thousand are some 160 requests a second', () => {
    const { peakP50 } = plan({ type: 'shop', peakOnline: 1000, bundle: RAZOR }).demand.requestsPerSecond
    assert.ok(peakP50 > 140 && peakP50 < 190, String(peakP50))
  })
})

describe('capacity', () => {
  const MEASURED: MeasuredCapacity = {
    asOf: '2026-11-22',
    machine: 'test',
    cores: 2,
    cpuMsPerRequest: { login: 0.2, list: 0.2, detail: 0.1, write: 0.3, function: 3, nginx: 0.1 },
    kilobytesPerConnection: 50,
    fsyncMs: 4,
    lineMbps: 90,
  }

  it('replaces reference figures by measured ones and says so row by row', () => {
    const input = { participants: 5000, windowSeconds: 20, bundle: RAZOR }
    const before = plan(input)
    const after = plan(input, { capacity: MEASURED })
    const source = ({ constraints }: PlanResult, name: Resource) =>
      constraints.find(({ resource }) => resource === name)?.source
    assert.deepEqual(
      [source(before, 'cpu'), source(before, 'bandwidth'), source(before, 'writes')],
      ['guessed', 'guessed', 'guessed'],
    )
    assert.deepEqual(
      [source(after, 'cpu'), source(after, 'bandwidth'), source(after, 'writes')],
      ['measured', 'measured', 'measured'],
    )
    assert.ok(after.binding.utilisation < before.binding.utilisation)
  })

  it('is confident only with a measured box and a counted load', () => {
    assert.equal(plan({ type: 'tool', dau: 10 }).confidence, 'low')
    assert.equal(plan({ requestsPerSecond: 10 }).confidence, 'medium')
    assert.equal(plan({ requestsPerSecond: 10 }, { capacity: MEASURED }).confidence, 'high')
  })
})

describe('laws', () => {
  const anyType = fc.constantFrom(...APP_TYPE_IDS)
  const anyBox = fc.constantFrom('2c2g2m', '2c2g4m', '2c4g6m', '2c4g200m', '4c8g10m', '8c16g18m')
  const anyPlace = fc.constantFrom('server', 'cdn')

  it('more people never make a box more sufficient', () => {
    fc.assert(
      fc.property(
        anyType,
        anyBox,
        anyPlace,
        fc.integer({ min: 10, max: 200_000 }),
        fc.integer({ min: 2, max: 20 }),
        (type, bundle, images, dau, times) => {
          const few = plan({ type, bundle, images, dau })
          const many = plan({ type, bundle, images, dau: dau * times })
          assert.ok(BADNESS.indexOf(many.verdict) >= BADNESS.indexOf(few.verdict))
        },
      ),
      { numRuns: 15 },
    )
  })

  it('a wider line never makes it less sufficient', () => {
    fc.assert(
      fc.property(
        anyType,
        anyPlace,
        fc.integer({ min: 10, max: 100_000 }),
        fc.integer({ min: 1, max: 20 }),
        (type, images, dau, mbps) => {
          const box = { cores: 2, memoryGB: 4, mbps, mbpsKind: 'fixed', trafficGB: null }
          const narrow = plan({ type, images, dau, bundle: box })
          const wide = plan({ type, images, dau, bundle: { ...box, mbps: mbps * 2 } })
          assert.ok(BADNESS.indexOf(wide.verdict) <= BADNESS.indexOf(narrow.verdict))
        },
      ),
      { numRuns: 15 },
    )
  })

  it('the same question gets the same answer, byte for byte', () => {
    const input = { type: 'community', dau: 12_345, features: ['im', 'flash-sale'] }
    assert.equal(JSON.stringify(plan(input)), JSON.stringify(plan(input)))
  })

  it('has the shape that programs rely on', () => {
    const { binding, constraints, headroom, recommendation, demand, architecture, ...rest } = plan({
      type: 'shop',
      dau: 5000,
      peakOnline: 300,
      features: ['upload', 'pay'],
      images: 'server',
      bundle: { ...SMALL, trafficGB: null },
    })
    for (const row of [binding, ...constraints]) {
      assert.match(row.resource, /^(cpu|memory|bandwidth|traffic|connections|disk|database|writes|requirement)$/)
      for (const figure of [row.utilisation, row.limit, row.demand]) assert.equal(typeof figure, 'number')
      assert.equal(typeof row.unit, 'string')
      assert.match(row.source, /^(measured|modelled|guessed)$/)
    }
    assert.ok(headroom.factor > 0 && Number.isInteger(headroom.dau))
    assert.ok(recommendation.bundle && recommendation.monthlyCost.total > 0 && recommendation.steps.length > 0)
    for (const name of ['mean', 'peakP50', 'peakP90'] as const) assert.ok(demand.requestsPerSecond[name] > 0)
    const { concurrentUsers, megabitPerSecond, trafficGBPerMonth, connections, writesPerSecond } = demand
    for (const figure of [concurrentUsers, megabitPerSecond, trafficGBPerMonth, connections, writesPerSecond])
      assert.ok(Number.isFinite(figure))
    assert.ok(architecture.nodes.length > 0 && architecture.edges.length > 0)
    assert.ok(rest.alternatives.length > 0 && rest.sources.length > 0 && rest.flip.text.zh)
    assert.match(rest.confidence, /^(low|medium|high)$/)
  })

  it('the answer survives JSON: no infinity, no undefined, no NaN', () => {
    for (const type of APP_TYPE_IDS) {
      const result = plan({ type, dau: 3000 })
      assert.deepEqual(JSON.parse(JSON.stringify(result)), result)
    }
  })
})

const summary = (constraints: PlanResult['constraints']) =>
  constraints.map(({ resource, utilisation }) => `${resource} ${utilisation.toFixed(2)}`).join(', ')
