import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { after, before, describe, it } from 'node:test'
import { startTestServer, type TestServer } from '../support/test-server.ts'
import { writeProject } from './function-project.ts'

const OPEN = `{ "sampan": { "http": true } }`

const PROJECT = {
  'mirror/index.js': `exports.main = async (event) => ({
    statusCode: 201,
    headers: { 'content-type': 'application/json', 'x-from': 'mirror' },
    body: JSON.stringify(event),
  })`,
  'mirror/config.json': OPEN,
  'plain/index.js': `exports.main = async () => ({ a: 1 })`,
  'plain/config.json': OPEN,
  'picture/index.js': `exports.main = async () => ({
    statusCode: 200, headers: { 'content-type': 'image/png' }, isBase64Encoded: true, body: Buffer.from([1, 2, 255]).toString('base64'),
  })`,
  'picture/config.json': OPEN,
  'odd/index.js': `exports.main = async () => ({ statusCode: 9999 })`,
  'odd/config.json': OPEN,
  'closed/index.js': `exports.main = async () => 'secret'`,
}

describe('functions over HTTP', () => {
  let server: TestServer
  let functionsRoot: string
  before(async () => {
    functionsRoot = writeProject(PROJECT)
    server = await startTestServer({ project: { functionsRoot } })
  })
  after(async () => {
    await server.close()
    rmSync(functionsRoot, { recursive: true, force: true })
  })

  it('get the request as their event and make the answer', async () => {
    const response = await fetch(`${server.url}/http/mirror/orders/7?a=1&b=2&b=3`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json', authorization: 'Bearer of-somebody-else' },
      body: '{"n": 1 }',
    })
    assert.equal(response.status, 201)
    assert.equal(response.headers.get('x-from'), 'mirror')
    const event = (await response.json()) as Record<string, Record<string, unknown>>
    assert.equal(event['path'], '/orders/7')
    assert.equal(event['httpMethod'], 'PUT')
    assert.equal(event['body'], '{"n": 1 }')
    assert.equal(event['isBase64Encoded'], false)
    assert.deepEqual(event['multiValueQueryStringParameters'], { a: ['1'], b: ['2', '3'] })
    assert.equal(event['headers']?.['authorization'], 'Bearer of-somebody-else')
  })

  it('get bytes as base64, and may answer bytes', async () => {
    const sent = await fetch(`${server.url}/http/mirror`, {
      method: 'POST',
      headers: { 'content-type': 'application/octet-stream' },
      body: new Uint8Array([0, 255, 1]),
    })
    const event = (await sent.json()) as Record<string, unknown>
    assert.equal(event['body'], 'AP8B')
    assert.equal(event['isBase64Encoded'], true)
    const picture = await fetch(`${server.url}/http/picture`)
    assert.equal(picture.headers.get('content-type'), 'image/png')
    assert.deepEqual([...new Uint8Array(await picture.arrayBuffer())], [1, 2, 255])
  })

  it('may return anything as the body', async () => {
    const { body } = await server.get('/http/plain')
    assert.deepEqual(body, { a: 1 })
  })

  it('answer a clear error when they are not there, not open, or answer nonsense', async () => {
    for (const path of ['/http/closed', '/http/none', '/http/closed/x']) {
      const { status, body } = await server.get(path)
      assert.equal(status, 404)
      assert.equal(body.error.code, 'function_not_found')
    }
    assert.equal((await server.get('/http/odd')).body.error.code, 'function_failed')
  })
})
