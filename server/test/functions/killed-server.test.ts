import assert from 'node:assert/strict'
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import path from 'node:path'
import { it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'

const SLEEPERS = 'sleep 97.53[12]'
const hasPython = spawnSync('python3', ['--version']).status === 0

/** Processes whose command line matches; the brackets in a pattern keep it from matching itself. */
const count = (pattern: string) =>
  Number(execFileSync('sh', ['-c', `pgrep -f "${pattern}" | wc -l`], { encoding: 'utf8' }))

const untilTrue = async (isTrue: () => boolean) => {
  for (let tries = 0; tries < 200 && !isTrue(); tries += 1) await sleep(50)
  return isTrue()
}

it('a looping function, in JavaScript or Python, and what it started end with a server that is killed', {
  skip: process.platform !== 'linux',
}, async () => {
  const server = spawn(process.execPath, [path.join(import.meta.dirname, 'killed-server.ts')], {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  try {
    const expected = hasPython ? 2 : 1
    assert.ok(await untilTrue(() => count(SLEEPERS) === expected), 'the functions did not begin')
    const workers = execFileSync('pgrep', ['-P', String(server.pid)], { encoding: 'utf8' })
      .trim()
      .split('\n')
    assert.ok(workers.length >= expected)
    server.kill('SIGKILL')
    const isGone = (pid: string) => spawnSync('kill', ['-0', pid]).status !== 0
    assert.ok(await untilTrue(() => workers.every(isGone)), `these run on: ${workers.filter((pid) => !isGone(pid))}`)
    assert.ok(await untilTrue(() => count(SLEEPERS) === 0), 'what the functions started runs on')
  } finally {
    server.kill('SIGKILL')
  }
})
