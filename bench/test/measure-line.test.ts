import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { openLineServer } from '../src/line-server.ts'
import { measureLine } from '../src/measure-line.ts'

describe('measuring a line', () => {
  it('finds what goes through in both directions, and ends', async () => {
    const far = await openLineServer({ host: '127.0.0.1', port: 0, longestMs: 60_000 })
    const figures = await measureLine(`http://127.0.0.1:${far.port}${far.path}`, 1)
    far.close()
    await far.ended
    assert.ok(figures.downMbps > 10)
    assert.ok(figures.upMbps > 10)
    assert.ok(figures.roundTripMs.p50 > 0)
    assert.ok(figures.roundTripWhenFullMs.p50 > 0)
  })

  it('gives nothing to whoever does not know the path, and stops waiting by itself', async () => {
    const far = await openLineServer({ host: '127.0.0.1', port: 0, longestMs: 300 })
    const guessed = await fetch(`http://127.0.0.1:${far.port}/down?seconds=5`)
    assert.equal(guessed.status, 404)
    await assert.rejects(measureLine(`http://127.0.0.1:${far.port}/wrong`, 1), /answered 404/)
    await far.ended
  })
})
