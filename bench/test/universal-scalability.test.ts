import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { seededRandom } from '../src/seeded-random.ts'
import { fitScaling } from '../src/universal-scalability.ts'

const CLIENTS = [1, 2, 4, 8, 16, 32, 64, 128]
const law = (gamma: number, alpha: number, beta: number) => (n: number) =>
  (gamma * n) / (1 + alpha * (n - 1) + beta * n * (n - 1))

describe('fitting the scalability law', () => {
  it('finds the parameters that made the points, and the best number of clients', () => {
    const throughput = law(1000, 0.05, 0.0004)
    const random = seededRandom(3)
    const fit = fitScaling(
      CLIENTS.map((clients) => ({ clients, perSecond: throughput(clients) * (0.99 + 0.02 * random.next()) })),
    )
    assert.ok(fit.isFitted)
    assert.ok(Math.abs(fit.gamma - 1000) < 60, `γ ${fit.gamma}`)
    assert.ok(Math.abs(fit.alpha - 0.05) < 0.02, `α ${fit.alpha}`)
    assert.ok(fit.rSquared > 0.97)
    assert.ok(Math.abs((fit.bestClients ?? 0) - 48.7) < 8, `best ${fit.bestClients}`)
  })

  it('claims no best number of clients where throughput only levels off', () => {
    const fit = fitScaling(CLIENTS.map((clients) => ({ clients, perSecond: law(1000, 0.1, 0)(clients) })))
    assert.ok(fit.isFitted)
    assert.equal(fit.bestClients, undefined)
  })

  it('says that it cannot when the points follow no law', () => {
    const perSecond = [100, 900, 50, 700, 20, 800, 60, 500]
    const fit = fitScaling(CLIENTS.map((clients, index) => ({ clients, perSecond: perSecond[index] ?? 0 })))
    assert.equal(fit.isFitted, false)
  })

  it('says that it cannot from too few points', () => {
    const fit = fitScaling([
      { clients: 1, perSecond: 10 },
      { clients: 2, perSecond: 18 },
    ])
    assert.ok(!fit.isFitted && fit.reason.includes('5 are needed'))
  })
})
