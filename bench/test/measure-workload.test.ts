import assert from 'node:assert/strict'
import { it } from 'node:test'
import { costBetween } from '../src/measure-workload.ts'

it('takes the cost of one more request, not what the server spends at rest', () => {
  // A tenth of a core at rest, half a millisecond a request, 0.4 of it on the event loop.
  const at = (requests: number) => ({
    seconds: 2,
    requests,
    cpu: 0.2 + requests * 0.0005,
    thread: 0.1 + requests * 0.0004,
    own: requests * 0.0001,
  })
  const cost = costBetween(at(400), at(1200))
  assert.deepEqual(cost.betweenPerSecond, [200, 600])
  assert.ok(Math.abs(cost.cpuMs - 0.5) < 1e-9)
  assert.ok(Math.abs(cost.threadMs - 0.4) < 1e-9)
  assert.ok(Math.abs(cost.generatorMs - 0.1) < 1e-9)
})
