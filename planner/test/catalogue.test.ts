import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { APP_TYPES } from '../src/app-types.ts'
import { fixedBandwidthYuan } from '../src/catalogue/services.ts'
import { featureOf, findFeature } from '../src/features.ts'
import { BUNDLES, FEATURE_IDS, FEATURES, PROMOTIONS, SERVICES, SOURCES } from '../src/index.ts'

describe('catalogue', () => {
  it('gives every price a source, a date and a confidence', () => {
    for (const row of [...BUNDLES, ...Object.values(SERVICES)]) {
      assert.ok(row.source in SOURCES)
      assert.match(row.asOf, /^20\d\d(-\d\d){0,2}$/)
      assert.ok(['high', 'medium', 'low'].includes(row.confidence))
    }
  })

  it('names every bundle once', () => {
    assert.equal(new Set(BUNDLES.map(({ id }) => id)).size, BUNDLES.length)
  })

  it('keeps promotions out of the list prices and beside their renewal price', () => {
    for (const { yuanPerYear, renewalYuanPerMonth, offer } of PROMOTIONS) {
      assert.ok(yuanPerYear < renewalYuanPerMonth * 12, offer.en)
    }
  })

  it('prices an assured line by tiers, as published: 6 Mbps 205, 10 Mbps 565, 200 Mbps 17,665', () => {
    assert.deepEqual([6, 10, 200].map(fixedBandwidthYuan), [205, 565, 17_665])
  })

  it('orders every range: low, usual, high, all above zero', () => {
    for (const [type, { habits }] of Object.entries(APP_TYPES)) {
      for (const [name, { low, usual, high }] of Object.entries(habits)) {
        assert.ok(low > 0 && low <= usual && usual <= high, `${type}.${name}`)
      }
    }
  })

  it('speaks Chinese wherever it speaks English', () => {
    for (const { name, what } of Object.values(FEATURES)) {
      assert.match(name.zh, /[\u4e00-\u9fffA-Z]/)
      assert.match(what.zh, /[\u4e00-\u9fff]/)
    }
  })

  it('understands a feature by its other names, and each name means one feature', () => {
    assert.equal(findFeature('Two availability zones'), 'two-zones')
    assert.equal(findFeature('websocket'), 'im')
    const names = FEATURE_IDS.flatMap((id) => [id, ...(featureOf(id).aliases ?? [])])
    assert.equal(new Set(names).size, names.length)
  })
})
