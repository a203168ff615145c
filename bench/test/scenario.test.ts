import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { BUILT_IN_SCENARIOS, readBuiltInScenario } from '../src/built-in-scenarios.ts'
import { compileRequest } from '../src/request-template.ts'
import { parseScenario, ScenarioError } from '../src/scenario.ts'
import { seededRandom } from '../src/seeded-random.ts'

describe('a scenario file', () => {
  for (const name of BUILT_IN_SCENARIOS) {
    it(`comes with the bench: ${name}`, () => {
      const scenario = readBuiltInScenario(name)
      const context = { random: seededRandom(1), runName: 'r', threadName: '0', users: [] }
      for (const step of [...scenario.steps, ...(scenario.cleanUp ?? [])]) {
        assert.match(compileRequest(step, 'h', context)(), /^POST \/v1\//)
      }
    })
  }

  it('is refused with everything that is wrong at once', () => {
    const file = JSON.stringify({ users: -1, steps: [{ method: 'FETCH', path: 'posts', weight: 'many' }] })
    assert.throws(
      () => parseScenario(file),
      (error) => {
        assert.ok(error instanceof ScenarioError)
        const text = error.problems.join('\n')
        for (const place of ['name', 'users', 'steps[0].name', 'steps[0].weight', 'steps[0].method', 'steps[0].path']) {
          assert.ok(text.includes(`${place}:`), `${place} is missing in ${text}`)
        }
        return true
      },
    )
  })

  it('cannot smuggle a second request in by a line break', () => {
    const step = { name: 's', weight: 1, method: 'GET', path: '/', headers: { a: 'b\r\n\r\nDELETE / HTTP/1.1' } }
    assert.throws(() => parseScenario(JSON.stringify({ name: 'x', steps: [step] })), /no line breaks/)
  })
})
