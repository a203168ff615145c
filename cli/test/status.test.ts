import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { describe, it } from 'node:test'
import { LOCAL_TOKEN, startConsole } from '../../server/test/console/start-console.ts'
import type { Output } from '../src/command.ts'
import { consoleCommand } from '../src/commands/console.ts'
import { doctor } from '../src/commands/doctor.ts'
import { status } from '../src/commands/status.ts'
import { announceServer } from '../src/serve/local-server.ts'

const never = new Promise<void>(() => undefined)

function collect(lang: 'zh' | 'en', json = false) {
  const lines: string[] = []
  const output: Output = {
    result: (text) => void lines.push(text),
    progress: () => undefined,
    lang,
    json,
    isInteractive: false,
    color: false,
  }
  return { output, text: () => lines.join('\n') }
}

describe('sampan status, console and doctor against a running server', () => {
  it('shows the gauge, makes links and examines', async (t) => {
    const server = await startConsole(t)
    const root = await mkdtemp(path.join(os.tmpdir(), 'sampan-status-'))
    t.after(() => rm(root, { recursive: true, force: true }))
    await announceServer(root, { url: server.url, token: LOCAL_TOKEN, pid: process.pid })
    const context = { env: {}, stopped: never }
    const input = (options: Record<string, unknown> = {}, positionals: string[] = []) => ({
      options: { project: root, ...options },
      positionals,
    })
    await server.watch.monitor.sample()
    await server.watch.monitor.sample()

    const zh = collect('zh')
    assert.equal(await status.run(input(), zh.output, context), 0)
    for (const word of ['CPU', '内存', '磁盘', '请求量', '没有告警', '█']) assert.ok(zh.text().includes(word), word)
    const json = collect('en', true)
    await status.run(input(), json.output, context)
    assert.ok(Array.isArray((JSON.parse(json.text()) as { load: unknown }).load))

    const watched = collect('en')
    let stop = () => undefined as unknown
    const stopped = new Promise<void>((resolve) => {
      stop = () => resolve()
    })
    const watching = status.run(input({ watch: true }), watched.output, { env: {}, stopped })
    stop()
    assert.equal(await watching, 0)

    const link = collect('en', true)
    await consoleCommand.run(input({ role: 'viewer' }, ['link']), link.output, context)
    assert.match((JSON.parse(link.text()) as { link: string }).link, /\/console\/setup#token=/)

    const health = collect('en', true)
    const env = { WECHAT_BASE_URL: 'http://127.0.0.1:1', WECHAT_APP_ID: 'wx0123456789abcdef', WECHAT_SECRET: 'x' }
    assert.equal(await doctor.run(input(), health.output, { env, stopped: never }), 1)
    const { findings } = JSON.parse(health.text()) as { findings: { id: string; level: string }[] }
    const levels = Object.fromEntries(findings.map(({ id, level }) => [id, level]))
    assert.deepEqual([levels['server'], levels['wechat-reachable'], levels['alarms']], ['good', 'bad', 'warn'])
  })
})
