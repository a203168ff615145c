import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { PlanInputError, parsePlanInput, plan } from '../src/index.ts'

const refused = (value: unknown): PlanInputError => {
  try {
    parsePlanInput(value)
  } catch (error) {
    if (error instanceof PlanInputError) return error
    throw error
  }
  return assert.fail(`accepted ${JSON.stringify(value)}`)
}

describe('plan input', () => {
  const WRONG: [string, unknown, { code: string; field: string; hint: RegExp }][] = [
    ['nothing at all', undefined, { code: 'not_an_object', field: 'input', hint: /"type"/ }],
    ['a list', [], { code: 'not_an_object', field: 'input', hint: /"type"/ }],
    ['no load', { type: 'shop' }, { code: 'missing', field: 'dau', hint: /requestsPerSecond/ }],
    ['people without a type', { dau: 5000 }, { code: 'missing', field: 'type', hint: /shop/ }],
    ['negative people', { type: 'shop', dau: -1 }, { code: 'out_of_range', field: 'dau', hint: /0/ }],
    [
      'more people than WeChat has',
      { type: 'shop', dau: 1e12 },
      { code: 'out_of_range', field: 'dau', hint: /billion/ },
    ],
    ['people as text', { type: 'shop', dau: '5000' }, { code: 'not_a_number', field: 'dau', hint: /without quotes/ }],
    ['not a number', { type: 'shop', dau: Number.NaN }, { code: 'not_a_number', field: 'dau', hint: /5000/ }],
    ['an unknown type', { type: 'bank', dau: 1 }, { code: 'unknown_value', field: 'type', hint: /shop/ }],
    ['a mistyped type', { type: 'shpo', dau: 1 }, { code: 'unknown_value', field: 'type', hint: /"shop"/ }],
    [
      'a mistyped feature',
      { type: 'shop', dau: 1, features: ['transcod'] },
      { code: 'unknown_value', field: 'features', hint: /transcode/ },
    ],
    [
      'a mistyped field',
      { type: 'shop', dau: 1, peakonlin: 3 },
      { code: 'unknown_field', field: 'peakonlin', hint: /peakOnline/ },
    ],
    [
      'a feature that is no list',
      { type: 'shop', dau: 1, features: 'pay' },
      { code: 'unknown_value', field: 'features', hint: /\[/ },
    ],
    [
      'more at once than in a day',
      { type: 'shop', dau: 10, peakOnline: 11 },
      { code: 'contradiction', field: 'peakOnline', hint: /dau/ },
    ],
    [
      'a mean above the peak',
      { requestsPerSecond: 1, meanRequestsPerSecond: 2 },
      { code: 'contradiction', field: 'meanRequestsPerSecond', hint: /busiest/ },
    ],
    [
      'a box without a line',
      { requestsPerSecond: 1, bundle: { cores: 2, memoryGB: 4 } },
      { code: 'missing', field: 'bundle.mbps', hint: /2c4g6m/ },
    ],
    [
      'a box nobody sells',
      { requestsPerSecond: 1, bundle: 'huge' },
      { code: 'unknown_value', field: 'bundle', hint: /2c4g6m/ },
    ],
    [
      'a box with no cores',
      { requestsPerSecond: 1, bundle: { cores: 0, memoryGB: 4, mbps: 1 } },
      { code: 'out_of_range', field: 'bundle.cores', hint: /0.1/ },
    ],
  ]
  for (const [name, value, expected] of WRONG) {
    it(`refuses ${name} and says what to write instead`, () => {
      const error = refused(value)
      assert.equal(error.code, expected.code)
      assert.equal(error.field, expected.field)
      assert.match(error.hint.en, expected.hint)
      assert.match(error.text.zh, /[\u4e00-\u9fff]/)
      assert.match(error.hint.zh, /[\u4e00-\u9fff]/)
    })
  }

  it('quotes what was written, not all of it', () => {
    const long = 'x'.repeat(100_000)
    for (const value of [
      { type: long, dau: 1 },
      { type: 'shop', dau: long },
      { requestsPerSecond: 1, bundle: long },
    ]) {
      const error = refused(value)
      assert.ok(error.text.en.length < 200 && error.text.zh.length < 200, `${error.text.en.length}`)
    }
    const { notModelled } = parsePlanInput({ requestsPerSecond: 1, [long]: 1, features: [long] })
    assert.equal(notModelled.length, 2)
    for (const { en } of notModelled) assert.ok(en.length < 200)
  })

  it('keeps what the model has no place for as a remark instead of dropping it silently', () => {
    const { notes } = plan({ type: 'shop', dau: 100, features: ['holograms'], colour: 'red' })
    assert.ok(notes.some(({ en }) => en.includes('holograms')))
    assert.ok(notes.some(({ en }) => en.includes('colour')))
  })

  it('reads the shorthand of a box and finds its price in the catalogue', () => {
    const { about } = plan({ type: 'tool', dau: 100, bundle: '2c4g6m' })
    assert.equal(about.bundle.id, 'tencent-general-2c4g-6m')
    assert.equal(about.bundle.trafficGB, 800)
  })

  it('takes overrides at the top or under "overrides"', () => {
    const flat = plan({ requestsPerSecond: 40, responseKB: 3, bundle: '2c4g6m' })
    const nested = plan({ overrides: { requestsPerSecond: 40, responseKB: 3 }, bundle: '2c4g6m' })
    assert.deepEqual(nested.binding, flat.binding)
  })

  it('answers any JSON with a plan or with a PlanInputError, never with anything else', () => {
    const field = fc.constantFrom(
      'type',
      'dau',
      'peakOnline',
      'features',
      'images',
      'bundle',
      'requestsPerSecond',
      'participants',
      'visits',
      'memoryMB',
    )
    const anything = fc.oneof(
      fc.jsonValue(),
      fc.integer(),
      fc.constantFrom('shop', 'tool', 'server', ['pay'], '2c2g4m'),
    )
    fc.assert(
      fc.property(fc.dictionary(field, anything), (value) => {
        try {
          parsePlanInput(value)
        } catch (error) {
          assert.ok(error instanceof PlanInputError, String(error))
        }
      }),
      { numRuns: 300 },
    )
  })
})
