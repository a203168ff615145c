import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { findKnee, type Probe } from '../src/find-knee.ts'

/** A single queue: waiting grows as 1 / (1 − utilisation). */
const queue = (capacityPerSecond: number) => async (perSecond: number) => {
  const utilisation = Math.min(1, perSecond / capacityPerSecond)
  const p95Ms = utilisation >= 1 ? 5_000 : 3 / (1 - utilisation)
  return probe({ perSecond, utilisation, p95Ms, errorRatio: utilisation >= 1 ? 0.2 : 0 })
}

const probe = (facts: Partial<Probe>): Probe => ({
  perSecond: 0,
  p95Ms: 1,
  p99Ms: 1,
  errorRatio: 0,
  utilisation: 0.1,
  isGeneratorLimited: false,
  ...facts,
})

describe('the knee', () => {
  it('is at 70 % CPU for planning, and near the capacity at saturation', async () => {
    const { plannedPerSecond, saturatedPerSecond } = await findKnee(1_000, queue(1_000))
    assert.ok(plannedPerSecond > 620 && plannedPerSecond <= 700, `planned ${plannedPerSecond}`)
    assert.ok(saturatedPerSecond > 930 && saturatedPerSecond < 1_000, `saturated ${saturatedPerSecond}`)
  })

  it('goes below half of the highest rate if only little is carried in time', async () => {
    const { saturatedPerSecond } = await findKnee(1_000, queue(300))
    assert.ok(saturatedPerSecond > 200 && saturatedPerSecond < 300, `saturated ${saturatedPerSecond}`)
  })

  it('is zero when even the lowest rate fails', async () => {
    const knee = await findKnee(1_000, async (perSecond) => probe({ perSecond, errorRatio: 1 }))
    assert.equal(knee.plannedPerSecond, 0)
    assert.equal(knee.saturatedPerSecond, 0)
  })

  it('does not need to see the CPU', async () => {
    const unseen = async (perSecond: number) => ({ ...(await queue(1_000)(perSecond)), utilisation: Number.NaN })
    const { plannedPerSecond, saturatedPerSecond } = await findKnee(1_000, unseen)
    assert.equal(plannedPerSecond, saturatedPerSecond)
  })
})
