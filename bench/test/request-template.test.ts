import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { compileRequest, fillTemplate } from '../src/request-template.ts'
import { seededRandom } from '../src/seeded-random.ts'

const context = () => ({ random: seededRandom(7), runName: 'r', threadName: '0', users: [] })

describe('a request template', () => {
  it('writes the same requests again from the same seed', () => {
    const step = { name: 's', weight: 1, method: 'GET', path: '/posts/{{integer 1 1000000}}' }
    const [one, other] = [compileRequest(step, 'h', context()), compileRequest(step, 'h', context())]
    for (let count = 0; count < 5; count++) assert.equal(one(), other())
  })

  it('refuses a placeholder it does not know, and says which there are', () => {
    assert.throws(() => fillTemplate('{{uesr}}', context()), /unknown placeholder \{\{uesr\}\}.*user, token/)
  })

  it('fills headers, for servers that take the token elsewhere', () => {
    const step = {
      name: 's',
      weight: 1,
      method: 'GET',
      path: '/',
      headers: { 'x-token': '{{token}}' },
      isAnonymous: true,
    }
    const request = compileRequest(step, 'h', { ...context(), users: [{ name: 'ann', token: 't1' }] })()
    assert.match(request, /^x-token: t1\r$/m)
    assert.doesNotMatch(request, /authorization/)
  })

  it('refuses a range that is the wrong way round', () => {
    assert.throws(() => fillTemplate('{{integer 9 1}}', context()), /smaller first/)
  })

  it('keeps a placeholder inside other text as text', () => {
    assert.match(
      fillTemplate({ title: 'No {{integer 1 9}}', count: '{{integer 4 4}}' }, context()),
      /"No \d","count":4/,
    )
  })
})
