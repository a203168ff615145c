import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseAnswer } from '../src/http-connection.ts'

const bytes = (text: string) => Buffer.from(text)

/** Every way in which the network may cut an answer in two. */
function parseInPieces(answer: string) {
  const whole = bytes(answer)
  for (let cut = 0; cut < whole.length; cut++) {
    assert.equal(parseAnswer(whole.subarray(0, cut), true), undefined, `took the first ${cut} bytes for an answer`)
  }
  return parseAnswer(whole, true)
}

describe('parsing an answer', () => {
  it('waits for the whole body by its length, whatever the case of the header', () => {
    const answer = parseInPieces('HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n舢板')
    assert.deepEqual(answer, { status: 200, bytes: 44, body: '舢板', retryAfter: '', closes: false })
  })

  it('waits for the last chunk of a chunked body', () => {
    const answer = parseInPieces(
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n10\r\n0123456789abcdef\r\n0\r\n\r\n',
    )
    assert.equal(answer?.status, 200)
    assert.equal(answer?.bytes, 82)
  })

  it('expects no body after 304 and 204', () => {
    assert.equal(parseInPieces('HTTP/1.1 304 Not Modified\r\netag: "a"\r\n\r\n')?.status, 304)
    assert.equal(parseInPieces('HTTP/1.1 204 No Content\r\n\r\n')?.status, 204)
  })

  it('reads Retry-After of a refusal and that the connection ends', () => {
    const answer = parseInPieces(
      'HTTP/1.1 503 Busy\r\nRetry-After: 2\r\nConnection: close\r\ncontent-length: 0\r\n\r\n',
    )
    assert.equal(answer?.retryAfter, '2')
    assert.equal(answer?.closes, true)
  })
})
