import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { predictKnee } from '../src/index.ts'

describe('predicted knee', () => {
  it('is the rate of one thread when Node is the bottleneck, and of the cores when it is not', () => {
    const one = { cpuMsPerRequest: 1, threadMsPerRequest: 0.9, cores: 2, processes: 1 }
    assert.ok(Math.abs(predictKnee(one) - (1000 / 0.9) * (1 - 2.7 / 300)) < 1e-6)
    assert.ok(Math.abs(predictKnee({ ...one, processes: 4 }) - 2000 * (1 - 3 / 300)) < 1e-6)
  })

  it('leaves room for queueing: slow requests reach the limit earlier, hopeless ones at once', () => {
    const slow = { cpuMsPerRequest: 50, threadMsPerRequest: 50, cores: 1, processes: 1 }
    assert.ok(Math.abs(predictKnee(slow) - 10) < 1e-6)
    assert.equal(predictKnee({ ...slow, cpuMsPerRequest: 200, threadMsPerRequest: 200 }), 0)
  })
})
