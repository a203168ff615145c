import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { startTestServer, type TestServer } from '../support/test-server.ts'

const OFFICE = '203.0.113.7'
const STRANGER = '203.0.113.8'

describe('how much programs may ask of the /admin door', () => {
  let server: TestServer
  let key: string
  before(async () => {
    server = await startTestServer({ settings: { IP_REQUESTS_PER_SECOND: '1', KEY_REQUESTS_PER_SECOND: '1000' } })
    key = await makeKey()
    await ask(key, OFFICE, { action: 'database.addCollection', collectionName: 'reports' })
  })
  after(() => server.close())

  const makeKey = async () => {
    const { body } = await server.post('/v1/keys', { label: 'reports' }, server.localToken)
    return `${body.secretId}.${body.secretKey}`
  }
  const COUNT = { action: 'database.calculateDocument', collectionName: 'reports' }
  /** The answer's code, undefined if it is good; the address is the one that Nginx would tell. */
  const ask = async (token: string, ip: string, action: object = COUNT) => {
    const response = await fetch(`${server.url}/admin`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${token}`, 'x-forwarded-for': ip },
      body: JSON.stringify(action),
    })
    const body = (await response.json()) as { code?: string; error?: { code: string } }
    return body.code ?? body.error?.code
  }
  const askOften = async (times: number, token: string, ip: string) => {
    const codes: (string | undefined)[] = []
    for (let n = 0; n < times; n += 1) codes.push(await ask(token, ip))
    return codes
  }

  it('counts a program with a key as itself, not by the address that it shares', async () => {
    assert.deepEqual(new Set(await askOften(20, key, OFFICE)), new Set([undefined]))
  })

  it('counts who only claims a key by the address, until that one is refused', async () => {
    const codes = await askOften(10, `${key.split('.')[0]}.guess`, STRANGER)
    assert.equal(codes[0], 'SIGN_PARAM_INVALID')
    assert.match(String(codes.at(-1)), /rate_limited|EXCEED_REQUEST_LIMIT/)
    assert.equal(await ask(key, OFFICE), undefined)
  })

  it('limits each key by its own setting', async () => {
    const strict = await startTestServer({ settings: { KEY_REQUESTS_PER_SECOND: '1' } })
    const relaxed = server
    server = strict
    try {
      const [one, other] = [await makeKey(), await makeKey()]
      const codes = await askOften(8, one, OFFICE)
      assert.equal(codes.at(-1), 'EXCEED_REQUEST_LIMIT')
      assert.notEqual(await ask(other, OFFICE), 'EXCEED_REQUEST_LIMIT')
    } finally {
      server = relaxed
      await strict.close()
    }
  })
})
