import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type LoadGate, openLoadGate, type Priority } from '../../src/http/load-gate.ts'

const KINDS: readonly Priority[] = ['first', 'write', 'read', 'list']

/** A loop whose turns and clock the test moves by hand. */
function handLoop() {
  let nowMs = 0
  let endings: (() => void)[] = []
  let ready: (() => void)[] = []
  return {
    nowMs: () => nowMs,
    afterTurn: (callback: () => void) => void endings.push(callback),
    afterReady: (callback: () => void) => void ready.push(callback),
    pass(ms: number) {
      nowMs += ms
    },
    /** What was ready is handled, but more has come: the turn goes on. */
    endReady() {
      const callbacks = ready
      ready = []
      for (const callback of callbacks) callback()
    },
    endTurn() {
      const callbacks = endings
      endings = []
      for (const callback of callbacks) callback()
    },
  }
}

/** Turns of `ms` each in which something is let in at the start. */
function turns(loop: ReturnType<typeof handLoop>, gate: LoadGate, count: number, ms: number) {
  for (let turn = 0; turn < count; turn++) {
    if (gate.enter('first')) gate.leave()
    loop.pass(ms)
    loop.endTurn()
  }
}

/** Who is let in when a turn has lasted so long. */
function letInAfter(loop: ReturnType<typeof handLoop>, gate: LoadGate, ms: number): Priority[] {
  if (gate.enter('always')) gate.leave()
  if (gate.enter('first')) gate.leave()
  loop.pass(ms)
  const entered = KINDS.filter((kind) => gate.enter(kind))
  for (const _ of entered) gate.leave()
  loop.endTurn()
  return entered
}

describe('the gate before the server', () => {
  it('gives the last places to log-in and notices, then to writes, reads and lists', () => {
    const loop = handLoop()
    const gate = openLoadGate(100, loop)
    const entered: Record<string, number> = {}
    for (const kind of KINDS.toReversed()) {
      entered[kind] = 0
      while (gate.enter(kind)) entered[kind]++
    }
    assert.deepEqual(entered, { list: 70, read: 10, write: 10, first: 10 })
    assert.equal(gate.enter('always'), true, 'a health check is always answered')
    for (let place = 0; place < 31; place++) gate.leave()
    assert.deepEqual(
      KINDS.filter((kind) => gate.enter(kind)),
      ['first', 'write', 'read'],
    )
  })

  it('refuses nobody in a short burst, however long its turns are', () => {
    const loop = handLoop()
    const gate = openLoadGate(1_000, loop)
    turns(loop, gate, 2, 100)
    assert.deepEqual(letInAfter(loop, gate, 100), KINDS)
    loop.pass(1_000)
    turns(loop, gate, 100, 5)
    assert.deepEqual(letInAfter(loop, gate, 200), KINDS)
  })

  it('refuses lists, then reads, then writes, then log-in by how long they have waited in an overload', () => {
    const loop = handLoop()
    const gate = openLoadGate(1_000, loop)
    turns(loop, gate, 10, 50)
    assert.equal(gate.isOverloaded(), true)
    assert.deepEqual(letInAfter(loop, gate, 50), KINDS)
    assert.deepEqual(letInAfter(loop, gate, 100), ['first', 'write', 'read'])
    assert.deepEqual(letInAfter(loop, gate, 130), ['first', 'write'])
    assert.deepEqual(letInAfter(loop, gate, 200), ['first'])
    assert.deepEqual(letInAfter(loop, gate, 500), [])
  })

  it('counts the time of requests anew when all that was ready is handled, though the turn goes on', () => {
    const loop = handLoop()
    const gate = openLoadGate(1_000, loop)
    turns(loop, gate, 10, 50)
    assert.equal(gate.enter('first'), true)
    loop.pass(100)
    assert.equal(gate.enter('list'), false)
    loop.endReady()
    assert.equal(gate.enter('list'), true)
    loop.pass(100)
    assert.equal(gate.enter('list'), false)
  })

  it('lets everybody in again when no turn was long for a second', () => {
    const loop = handLoop()
    const gate = openLoadGate(1_000, loop)
    turns(loop, gate, 10, 50)
    turns(loop, gate, 90, 5)
    assert.equal(gate.isOverloaded(), true, 'a short relief is not the end of an overload')
    turns(loop, gate, 150, 5)
    assert.equal(gate.isOverloaded(), false)
    assert.deepEqual(letInAfter(loop, gate, 100), KINDS)
  })

  it('refuses nobody for a pause that requests did not cause', () => {
    const loop = handLoop()
    const gate = openLoadGate(1_000, loop)
    assert.deepEqual(letInAfter(loop, gate, 2_000), KINDS)
  })
})
