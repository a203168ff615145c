import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { describe, it } from 'node:test'
import { AppError } from '../src/errors.ts'
import { openLog, REDACTED } from '../src/log.ts'

/** What one call writes, as text. */
function lineOf(write: (log: ReturnType<typeof openLog>) => void, isPretty = false): string {
  const lines: string[] = []
  write(openLog({ level: 'info', isPretty, destination: { write: (line) => void lines.push(line) } }))
  assert.equal(lines.length, 1)
  return lines[0] ?? ''
}

const SECRET = 'do-not-show-me'

describe('the log', () => {
  for (const name of REDACTED) {
    it(`never shows ${name}, also two levels down, in an error or in a child`, () => {
      const hidden = { [name]: SECRET, shown: 'shown' }
      const cause = new AppError('invalid_request', 'No.', { details: hidden })
      for (const isPretty of [false, true]) {
        for (const line of [
          lineOf((log) => log.info(hidden, 'one'), isPretty),
          lineOf((log) => log.info({ user: hidden }, 'two'), isPretty),
          lineOf((log) => log.info({ request: { user: hidden } }, 'three'), isPretty),
          lineOf((log) => log.warn({ err: cause }, 'four'), isPretty),
          lineOf((log) => log.child(hidden).info('five'), isPretty),
          lineOf((log) => log.info({ people: [hidden] }, 'six'), isPretty),
        ]) {
          assert.ok(!line.includes(SECRET), line)
          assert.ok(line.includes('shown'), line)
        }
      }
    })
  }

  it('leaves the fields that it was given as they were', () => {
    const fields = { token: SECRET, user: { openId: SECRET } }
    lineOf((log) => log.info(fields, 'kept'))
    assert.deepEqual(fields, { token: SECRET, user: { openId: SECRET } })
  })

  it('writes an error with its type, message and stack', () => {
    const line = JSON.parse(lineOf((log) => log.error({ err: new TypeError('broken') }, 'failed')))
    assert.equal(line.err.type, 'TypeError')
    assert.equal(line.err.message, 'broken')
    assert.match(line.err.stack, /log\.test\.ts/)
  })

  it("keeps an error's own code, which is no login code", () => {
    const line = JSON.parse(lineOf((log) => log.warn({ err: new AppError('rate_limited', 'Too many.') }, 'refused')))
    assert.equal(line.err.code, 'rate_limited')
  })
})

describe('the log of a process', () => {
  const run = (program: string) => {
    const log = JSON.stringify(new URL('../src/log.ts', import.meta.url).href)
    const script = `import { openLog, openLogDestination } from ${log}
      const log = openLog({ level: 'info', isPretty: false, destination: openLogDestination(2) })
      ${program}`
    return spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8', timeout: 10_000 })
      .stderr
  }

  it('writes a line soon, although nothing follows', () => {
    const lines = run(`log.info('alone'); setTimeout(() => process.kill(process.pid, 'SIGKILL'), 1_000)`)
    assert.match(lines, /"time":"\d{4}-\d\d-\d\dT[\d:.]+Z".*"alone"/)
  })

  it('loses no line when the process ends', () => {
    assert.equal(run(`for (let i = 0; i < 500; i++) log.info({ i }, 'line'); process.exit(0)`).split('\n').length, 501)
  })
})
