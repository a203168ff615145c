import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { compare, isGoodModel, renderComparison } from '../../src/bench/compare-model.ts'

const figures = (threadMs: number, kneePerSecond: number, availableShare = 1) => ({
  name: 'list',
  cost: { betweenPerSecond: [100, 300] as const, cpuMs: threadMs, threadMs, generatorMs: threadMs / 2 },
  kneePerSecond,
  availableShare,
})

describe('the model against the bench', () => {
  it('predicts the rate of the event loop where that is the bottleneck', () => {
    const { predictedPerSecond, error } = compare(figures(0.5, 2000), 2)
    assert.ok(predictedPerSecond > 1980 && predictedPerSecond < 2000, String(predictedPerSecond))
    assert.ok(Math.abs(error) < 0.01)
  })

  it('counts the generator among those who share the cores', () => {
    assert.ok(compare(figures(0.5, 1300), 1).predictedPerSecond < 1340)
  })

  it('promises only what others leave of the box', () => {
    assert.ok(compare(figures(0.5, 1000, 0.5), 2).predictedPerSecond < 1000)
  })

  it('is not good when one workload is off by more than a fifth', () => {
    assert.equal(isGoodModel([compare(figures(0.5, 2000), 2), compare(figures(0.5, 1700), 2)]), true)
    assert.equal(isGoodModel([compare(figures(0.5, 2000), 2), compare(figures(0.5, 1600), 2)]), false)
  })

  it('marks what is off, and says when the box was not quiet', () => {
    const text = renderComparison([compare(figures(0.5, 1000, 0.8), 2)], 'en')
    assert.match(text, /list .*✗/)
    assert.match(text, /quiet/)
  })
})
