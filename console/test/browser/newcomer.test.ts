/** From `npm start` to "I know how full my server is", with nothing but what the terminal printed. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { cp, mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { it, type TestContext } from 'node:test'
import { chromium } from 'playwright-core'
import { PASSWORD } from '../../../server/test/console/start-console.ts'

const ROOT = path.resolve(import.meta.dirname, '../../..')
const CHROMIUM = '/usr/bin/chromium'
const missing = !existsSync(CHROMIUM)
  ? 'chromium is not installed (apt-get install chromium)'
  : !existsSync(path.join(ROOT, 'console/dist/index.html')) &&
    'the console is not built (npm run build --workspace console)'

/** The example as a newcomer has it, started by its own command; answers what the terminal shows. */
async function start(t: TestContext, lang: string) {
  const dir = await mkdtemp(path.join(os.tmpdir(), 'watch-newcomer-'))
  const project = path.join(dir, 'booking')
  await cp(path.join(ROOT, 'examples/booking'), project, {
    recursive: true,
    filter: (from) => !/(^|\/)(\.sampan|test)$/.test(from),
  })
  const command = ['cli/src/main.ts', 'dev', '--project', project, '--port', '0']
  const server = spawn(process.execPath, command, {
    cwd: ROOT,
    env: { PATH: process.env['PATH'], HOME: os.homedir(), LANG: lang },
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  t.after(async () => {
    await end(server)
    await rm(dir, { recursive: true, force: true })
  })
  let shown = ''
  for await (const chunk of server.stdout) {
    shown += String(chunk)
    if (shown.includes('Ctrl-C')) break
  }
  return shown
}

async function end(server: ChildProcess) {
  if (server.exitCode !== null) return
  const ended = once(server, 'exit')
  server.kill('SIGTERM')
  await ended
}

it('takes one link, two fields and one button', { skip: missing }, async (t) => {
  const shown = await start(t, 'en_US.UTF-8')
  const link = shown.match(/First time +(http\S+)/)?.[1]
  assert.ok(link, shown)
  const browser = await chromium.launch({
    executablePath: CHROMIUM,
    args: ['--headless', '--no-sandbox', '--disable-gpu'],
  })
  t.after(() => browser.close())
  const page = await browser.newPage({ locale: 'en-US' })

  await page.goto(link)
  await page.getByLabel('Name').fill('Lin')
  await page.getByLabel(/Password/).fill(PASSWORD)
  await page.getByRole('button').filter({ hasText: 'Create and sign in' }).click()

  const answer = page.getByText(/Your server is (less than )?\d+\s?% full/)
  await answer.waitFor({ timeout: 30_000 })
  t.diagnostic(`the first sentence of the console: ${await answer.textContent()}`)
})

it('greets a Chinese terminal in Chinese, with the same link', { skip: missing }, async (t) => {
  const shown = await start(t, 'zh_CN.UTF-8')
  assert.match(shown, /首次设置 +http:\/\/127\.0\.0\.1:\d+\/console\/setup#token=[\w-]{43}/)
})
