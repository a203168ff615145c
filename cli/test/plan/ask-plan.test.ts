/** The questions of `sampan plan`, answered through a real terminal. */
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { describe, it } from 'node:test'

const MAIN = path.resolve(import.meta.dirname, '../../src/main.ts')
const skip = spawnSync('script', ['--version']).status === 0 ? false : 'script (bsdutils) is not installed'
const ENTER = '\r'
const DOWN = '\u001b[B'
const SPACE = ' '
const CTRL_C = '\u0003'
const LONGEST_MS = 40_000

type Turn = readonly [question: RegExp, keys: readonly string[]]

/** Waits for each question, then types. Returns everything the terminal showed, without its colours and movements. */
async function converse(
  turns: readonly Turn[],
  words: readonly string[] = [],
): Promise<{ shown: string; code: number }> {
  const command = [process.execPath, MAIN, 'plan', ...words].map((word) => `'${word}'`).join(' ')
  const child = spawn('script', ['-qec', `stty cols 120 rows 40; ${command}`, '/dev/null'], {
    env: { ...process.env, LANG: 'en_US.UTF-8', TERM: 'xterm', NO_COLOR: '1' },
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const limit = setTimeout(() => child.kill('SIGKILL'), LONGEST_MS)
  let shown = ''
  let heard = 0
  let turn = 0
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    shown += text.replaceAll(/\u001b\[[0-9;?]*[a-zA-Z]/g, '')
    const [question, keys] = turns[turn] ?? []
    if (!question?.test(shown.slice(heard))) return
    turn += 1
    heard = shown.length
    void type(keys ?? [])
  })
  const type = async (keys: readonly string[]) => {
    for (const key of keys) {
      await new Promise((resolve) => setTimeout(resolve, 50)) // a person's hands; keys at once are read as one
      child.stdin.write(key)
    }
  }
  const [code] = await once(child, 'exit')
  clearTimeout(limit)
  return { shown, code: Number(code) }
}

it('refuses people below zero for what they are', () => {
  const { status, stderr } = spawnSync(
    process.execPath,
    [MAIN, 'plan', '--type', 'shop', '--dau', '-5', '--lang', 'en'],
    {
      encoding: 'utf8',
    },
  )
  assert.equal(status, 2)
  assert.match(stderr, /"dau" is -5; it must lie between 0 and/)
})

describe('the questions of sampan plan', { skip }, () => {
  it('has a default for each, says why it asks, and answers with a verdict', async () => {
    const { shown, code } = await converse([
      [/how many requests a visit makes/, [ENTER]],
      [/different people a day/, [ENTER]],
      [/space to choose/, [ENTER]],
      [/On a small line this matters/, [ENTER]],
    ])
    assert.equal(code, 0, shown)
    assert.match(shown, /5,?000/)
    assert.match(shown, /Evening peak/, 'the hint of the default type')
    assert.match(shown, /enough/i)
  })

  it('takes other answers, refuses nonsense and asks again', async () => {
    const { shown, code } = await converse([
      [/how many requests a visit makes/, [DOWN, ENTER]],
      [/different people a day/, ['-', '5', ENTER]],
      [/whole number above zero/, ['\u007f', '\u007f', '8', '0', '0', ENTER]],
      [/space to choose/, [SPACE, ENTER]],
      [/On a small line this matters/, [DOWN, ENTER]],
    ])
    assert.equal(code, 0, shown)
    assert.match(shown, /whole number above zero/)
    assert.match(shown, /enough/i)
  })

  it('ends when the person wants to', async () => {
    const { shown, code } = await converse([[/how many requests a visit makes/, [CTRL_C]]])
    assert.notEqual(code, 0)
    assert.match(shown, /Cancelled/)
  })

  it('asks nothing that a flag has said', async () => {
    const { shown, code } = await converse([], ['--type', 'tool', '--dau', '500'])
    assert.equal(code, 0, shown)
    assert.doesNotMatch(shown, /space to choose/)
  })
})
