/** The console in a real browser, against the real server. Needs Debian's Chromium; says so when it is missing. */
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { after, before, describe, it, type TestContext } from 'node:test'
import { gzipSync } from 'node:zlib'
import { type Browser, type BrowserContextOptions, chromium, type Locator, type Page } from 'playwright-core'
import { runStatement } from '../../../server/src/database/run-statement.ts'
import { toChannel } from '../../../server/src/features/monitor/alarm-settings.ts'
import { hashToken } from '../../../server/src/features/sessions/log-in.ts'
import { openSession } from '../../../server/src/features/sessions/session-store.ts'
import { PASSWORD, startConsole } from '../../../server/test/console/start-console.ts'
import { MAIL_PASSWORD, MAIL_USER, startMailServer } from '../../../server/test/monitor/mail-server.ts'

const CHROMIUM = '/usr/bin/chromium'
const DIST = new URL('../../dist/index.html', import.meta.url)
const missing = !existsSync(CHROMIUM)
  ? 'chromium is not installed (apt-get install chromium)'
  : !existsSync(DIST) && 'the console is not built (npm run build --workspace console)'
const FIRST_PAINT_LIMIT_BYTES = 400 * 1024
const PHONE = { width: 390, height: 844 }
const PAGES = [
  'overview',
  'plan',
  'alarms',
  'data',
  'sql',
  'functions',
  'files',
  'payments',
  'users',
  'logs',
  'slow',
  'settings',
  'audit',
]
/** Of one step; a busy machine needs long to paint. */
const TIMEOUT_MS = 40_000
const APP_ID = 'wx0123456789abcdef'

let browser: Browser
type Opened = { page: Page; problems: string[] }

/** A page that collects what went wrong in it: errors, and scripts that the security policy stopped. */
async function openPage(t: TestContext, options: BrowserContextOptions = {}): Promise<Opened> {
  const context = await browser.newContext({ locale: 'en-US', ...options })
  t.after(() => context.close())
  const page = await context.newPage()
  page.setDefaultTimeout(TIMEOUT_MS)
  const problems: string[] = []
  page.on('pageerror', (error) => problems.push(error.message))
  page.on('dialog', async (dialog) => {
    problems.push(`dialog: ${dialog.message()}`)
    await dialog.dismiss()
  })
  page.on('console', (message) => {
    if (message.type() === 'error' && !message.text().includes('status of 4')) problems.push(message.text())
  })
  return { page, problems }
}

/** Types into a field of the design system: the mark is on the field or around it. */
const field = (page: Page, name: string) =>
  page
    .locator(
      `input[data-test=${name}], textarea[data-test=${name}], [data-test=${name}] input, [data-test=${name}] textarea`,
    )
    .first()
const press = (page: Page, name: string) => page.locator(`[data-test=${name}]`).first().click()

const textOf = async (locator: Locator) => (await locator.textContent()) ?? ''

async function openAsOwner(t: TestContext, options: BrowserContextOptions = {}) {
  const server = await startConsole(t)
  const opened = await openPage(t, options)
  const { page } = opened
  await page.goto(server.url + (await server.setupLink()))
  await field(page, 'name').fill('Lin')
  await field(page, 'password').fill(PASSWORD)
  await press(page, 'create')
  await page.waitForURL('**/console/overview')
  return { server, ...opened }
}

type Server = Awaited<ReturnType<typeof startConsole>>

const EVIL =
  '<img src=x onerror="window.hacked=1"><svg onload="window.hacked=1">{{constructor.constructor("hacked=1")()}}'
const EVIL_ID = 'left-by-a-stranger'

/** Opens a session as a log-in does; answers its token. */
async function logIn(server: Server, openId = 'user-a') {
  const token = `token-of-${openId.length}`
  const nowMs = Date.now()
  await server.database.transact(openSession, {
    tokenHash: hashToken(token),
    openId,
    unionId: undefined,
    appId: APP_ID,
    sealedSessionKey: '',
    nowMs,
    expiresAtMs: nowMs + 60_000,
  })
  return token
}

/** Puts the script wherever users, functions and colleagues can write something that the console shows. */
async function leaveScripts(server: Server) {
  const nowMs = Date.now()
  await server.documents.createCollection({ name: 'rooms', rules: 'PRIVATE', indexes: [] })
  const caller = { identity: { kind: 'administrator', id: 'x', role: 'owner' } } as const
  await server.documents.add(
    { collection: 'rooms', documents: [{ _id: 'r', '<img src=x onerror=alert(1)>': EVIL }] },
    caller,
  )
  await logIn(server, EVIL.slice(0, 64))
  await server.accessKeys.create(EVIL)
  await server.functions
    .call('hello', { name: EVIL }, { identity: caller.identity, requestId: EVIL_ID, source: 'wx_client' })
    .catch(() => undefined)
  server.slowQueries.add({ collection: EVIL, sql: EVIL, durationMs: 900, plan: [EVIL], proposedIndex: EVIL })
  const write = (sql: string, params: (string | number)[]) =>
    server.database.transact(runStatement, { sql, params, isReturning: false, rowsMax: 0 })
  await write(
    'INSERT INTO audit_entries (id, at_ms, actor, action, target, details, ip) VALUES (?, ?, ?, ?, ?, ?, ?)',
    ['evil', nowMs, EVIL.slice(0, 60), EVIL.slice(0, 60), EVIL, EVIL, 'x'],
  )
  await write(
    `INSERT INTO function_calls (function_name, request_id, caller_kind, started_at_ms, duration_ms, memory_bytes, status, error, log)
     VALUES (?, ?, 'user', ?, 1, 1, ?, ?, ?)`,
    [
      EVIL.slice(0, 60),
      EVIL_ID,
      nowMs,
      EVIL.slice(0, 30),
      EVIL,
      JSON.stringify([{ atMs: nowMs, level: EVIL, text: EVIL }]),
    ],
  )
}

describe('the console in a browser', { skip: missing }, () => {
  before(async () => {
    browser = await chromium.launch({
      executablePath: CHROMIUM,
      args: [
        '--headless',
        '--no-sandbox',
        '--disable-gpu',
        '--disable-quic',
        '--no-first-run',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
      ],
    })
  })
  after(() => browser?.close())

  it('sets up an owner, shows how full the server is, signs out and in again', async (t) => {
    const { server, page, problems } = await openAsOwner(t, { locale: 'zh-CN' })
    await server.watch.monitor.sample()
    await server.watch.monitor.sample()
    await page.reload()
    await page.locator('[data-test=gauge]').waitFor()
    const text = await textOf(page.locator('main'))
    for (const word of ['概览', '负载', '内存', '磁盘', 'sampan bench']) assert.ok(text.includes(word), word)
    assert.match(await textOf(page.locator('[data-test=health]')), /\S/)
    assert.match(await textOf(page.locator('[data-test=echo]')), /sampan status --watch/)

    await page.getByText('退出').click()
    await page.waitForURL('**/sign-in')
    await page.goto(`${server.url}/console/data`)
    await page.waitForURL('**/sign-in?next=/data')
    await field(page, 'name').fill('Lin')
    await field(page, 'password').fill('wrong password')
    await press(page, 'sign-in')
    await page.getByRole('alert').waitFor()
    await field(page, 'password').fill(PASSWORD)
    await press(page, 'sign-in')
    await page.waitForURL('**/console/data')
    assert.deepEqual(problems, [])
  })

  it('makes a collection, changes its rule, tests it, and edits a record that holds a script', async (t) => {
    const { server, page, problems } = await openAsOwner(t)
    const script = '<img src=x onerror="window.hacked=1"><script>window.hacked=1</script>'
    await page.goto(`${server.url}/console/data`)
    await press(page, 'new-collection')
    await field(page, 'collection-name').fill('rooms')
    await page.getByRole('button', { name: 'Create', exact: true }).click()
    await page.getByRole('heading', { name: 'rooms' }).waitFor()
    assert.match(await textOf(page.locator('[data-test=echo]')), /createCollection\('rooms'\)/)

    await press(page, 'new-record')
    await field(page, 'record-json').fill(
      JSON.stringify({ _id: 'r1', name: script, '<img src=x onerror=alert(1)>': 1, price: 5 }),
    )
    await press(page, 'save-record')
    await page.locator('[data-test=records] >> text=onerror').first().waitFor()
    await page.locator('[data-test=records] tbody tr').first().click()
    const json = JSON.parse(await field(page, 'record-json').inputValue()) as { price: number }
    await field(page, 'record-json').fill(JSON.stringify({ ...json, price: 77 }))
    await press(page, 'save-record')
    await page.locator('[data-test=records] >> text=77').waitFor()
    assert.equal(await page.evaluate('window.hacked'), undefined)

    await page.getByRole('radio', { name: 'Rules' }).click()
    await page.locator('[data-test=rule-mode]').first().click()
    await page.getByText('Only functions read and write').last().click()
    await press(page, 'save-rules')
    await page.locator('[data-test=echo] >> text=ADMINONLY').waitFor()
    await field(page, 'test-openid').fill('somebody')
    await press(page, 'ask')
    assert.equal(await textOf(page.locator('[data-test=may]')), 'No')
    assert.equal((await server.documents.listCollections())[0]?.rules, 'ADMINONLY')

    await press(page, 'drop')
    const confirm = page.getByRole('button', { name: 'Drop collection' })
    assert.equal(await confirm.isDisabled(), true)
    await field(page, 'confirm-name').fill('rooms')
    await confirm.click()
    await page.getByText('No collections yet').waitFor()
    assert.deepEqual(problems, [])
  })

  it('calls a function as a user, follows its trace, ends the user’s sessions, and shows it all in the audit', async (t) => {
    const { server, page, problems } = await openAsOwner(t)
    await logIn(server)
    await page.goto(`${server.url}/console/functions?function=hello`)
    await field(page, 'event').fill('{"name":"Wang"}')
    await field(page, 'as-openid').fill('user-a')
    await press(page, 'call')
    await page.getByText('Hello Wang').waitFor()
    assert.match(await textOf(page.locator('[data-test=echo]')), /sampan call hello --data .* --as user-a/)
    await press(page, 'trace')
    await page.waitForURL('**/logs?request=*')
    await page.locator('[data-test=calls] >> text=hello').first().click()
    await page.getByText('hello was called').waitFor()

    await page.goto(`${server.url}/console/users`)
    await page.locator('[data-test=users] >> text=user-a').click()
    await press(page, 'revoke')
    await page.getByText('1 sessions ended.').waitFor()

    await page.goto(`${server.url}/console/audit`)
    const audit = page.locator('[data-test=audit]')
    await audit.getByText('user.revoke').waitFor()
    for (const action of ['function.call', 'account.create']) assert.ok((await textOf(audit)).includes(action), action)
    assert.deepEqual(problems, [])
  })

  it('shows the load of a busy server, and how full it is', async (t) => {
    const { server, page, problems } = await openAsOwner(t)
    await server.watch.monitor.sample()
    const phones = Array.from({ length: 300 }, () => fetch(`${server.url}/livez`).then((answer) => answer.text()))
    await Promise.all(phones)
    await server.watch.monitor.sample()
    await page.reload()
    await page.locator('[data-test=gauge]').waitFor()
    await page.getByText('GET /livez').waitFor()
    assert.match(await textOf(page.locator('main')), /How full/)
    assert.deepEqual(problems, [])
  })

  it('leads from the phone’s request to its function and the SQL that ran', async (t) => {
    const { server, page, problems } = await openAsOwner(t)
    await server.documents.createCollection({ name: 'rooms', rules: 'PRIVATE', indexes: [] })
    const answer = await fetch(`${server.url}/v1/functions/hello`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        authorization: `Bearer ${await logIn(server)}`,
      },
      body: JSON.stringify({ data: { name: 'Wang', count: 'rooms' } }),
    })
    assert.equal(answer.status, 200, await answer.text())
    await page.goto(`${server.url}/console/logs`)
    await field(page, 'request-id').fill(answer.headers.get('x-request-id') ?? '')
    await page.getByRole('button', { name: 'Find' }).click()
    const steps = page.locator('[data-test=trace-steps]')
    await steps.getByText('SELECT count', { exact: false }).first().waitFor()
    const text = await textOf(steps)
    const order = ['POST /v1/functions/:name', 'hello', 'POST /admin database.calculateDocument', 'SELECT count']
    const places = order.map((part) => text.toLowerCase().indexOf(part.toLowerCase()))
    assert.ok(
      places.every((place, index) => place >= 0 && place >= (places[index - 1] ?? 0)),
      text,
    )
    assert.deepEqual(problems, [])
  })

  it('sets up e-mail, tests it, keeps quiet at night, and takes another threshold', async (t) => {
    const { server, page, problems } = await openAsOwner(t)
    const mails = await startMailServer(t)
    // The form writes encrypted addresses only; the test's server is plain, so this channel comes from the API.
    server.watch.alarmSettings.setChannels([
      toChannel({
        kind: 'email',
        url: `smtp://${encodeURIComponent(MAIL_USER)}@127.0.0.1:${mails.port}?to=me@shop.example&tls=off`,
        secret: MAIL_PASSWORD,
      }),
    ])
    await page.goto(`${server.url}/console/alarms`)
    await press(page, 'test-channel')
    await page.getByText('Sent.').waitFor()
    assert.equal(mails.received.length, 1)

    await page.locator('[data-test=channel-kind]').first().click()
    await page.getByText('E-mail', { exact: true }).last().click()
    await field(page, 'mail-host').fill('smtp.example.com')
    await field(page, 'mail-user').fill('alarm@example.com')
    await field(page, 'channel-secret').fill('a-secret-of-the-mailbox')
    await field(page, 'mail-to').fill('me@example.com，you@example.com')
    await press(page, 'add-channel')
    await page.locator('[data-test=channels] >> text=smtp.example.com').waitFor()
    const added = server.watch.alarmSettings.channels()[1]
    assert.equal(added?.url, 'smtps://alarm%40example.com@smtp.example.com:465?to=me%40example.com%2Cyou%40example.com')
    assert.ok(!(await page.content()).includes('a-secret-of-the-mailbox'))

    await field(page, 'quiet-from').fill('22:30')
    await press(page, 'save-quiet')
    await page.locator('[data-test=quiet] >> text=22:30 – 08:00').waitFor()

    await press(page, 'tune-latency')
    await field(page, 'page-at').fill('1500')
    await press(page, 'save-limits')
    await page.locator('[data-test=rules] >> text=> 1500 ms').waitFor()
    assert.match(await textOf(page.locator('[data-test=echo]')), /sampan\.config\.ts[\s\S]*latency/)
    assert.deepEqual(problems, [])
  })

  it('runs no script that a stranger left anywhere', async (t) => {
    const { server, page, problems } = await openAsOwner(t)
    await leaveScripts(server)
    for (const where of [...PAGES, 'functions?function=hello', 'data?collection=rooms', `logs?request=${EVIL_ID}`]) {
      await page.goto(`${server.url}/console/${where}`)
      await page.locator('h1').waitFor()
      await page.waitForLoadState('networkidle')
    }
    await page.goto(`${server.url}/console/users`)
    await page.locator('[data-test=users] tbody tr').first().click()
    await page.waitForLoadState('networkidle')
    assert.equal(await page.evaluate('window.hacked'), undefined)
    assert.deepEqual(problems, [])
  })

  it('runs SQL and shows the rows', async (t) => {
    const { server, page, problems } = await openAsOwner(t)
    await page.goto(`${server.url}/console/sql`)
    await field(page, 'sql').fill("SELECT '<b>bold</b>' AS text, 42 AS answer")
    await press(page, 'run-sql')
    const result = page.locator('[data-test=sql-result]')
    await result.getByText('<b>bold</b>').waitFor()
    assert.ok((await textOf(result)).includes('42'))
    assert.deepEqual(problems, [])
  })

  it('plans without an account: the answer follows the form, with a drawing and an archive', async (t) => {
    const server = await startConsole(t)
    const { page, problems } = await openPage(t, { acceptDownloads: true })
    await page.goto(`${server.url}/console/plan`)
    const verdict = page.locator('[data-test=verdict]')
    await verdict.waitFor()
    const small = await textOf(verdict)
    await field(page, 'dau').fill('5000000')
    await page.waitForFunction((before) => document.querySelector('[data-test=verdict]')?.textContent !== before, small)
    assert.match(await textOf(page.locator('[data-test=echo]')), /sampan plan --type booking --dau 5000000/)
    await page.locator('img[data-test=drawing]').waitFor()
    const download = page.waitForEvent('download')
    await press(page, 'bundle')
    const file = await (await download).path()
    assert.equal((await readFile(file)).subarray(0, 2).toString(), 'PK')
    assert.deepEqual(problems, [])
  })

  it('fits a phone on every page, in both languages, without errors', async (t) => {
    const { server, page, problems } = await openAsOwner(t, { viewport: PHONE, locale: 'zh-CN' })
    for (const lang of ['zh', 'en']) {
      await page.evaluate((value) => localStorage.setItem('sampan-lang', value), lang)
      for (const name of PAGES) {
        await page.goto(`${server.url}/console/${name}`)
        await page.locator('h1').waitFor()
        const overflow = await page.evaluate('document.documentElement.scrollWidth - innerWidth')
        assert.ok(Number(overflow) <= 0, `${name} (${lang}) is ${overflow} px too wide`)
        const isChinese = /[\u4e00-\u9fff]/.test(await textOf(page.locator('h1')))
        assert.equal(isChinese, lang === 'zh' && name !== 'sql', `${name} in ${lang}`)
      }
    }
    assert.deepEqual(problems, [])
  })

  it('paints first with less than 400 KB', async (t) => {
    const server = await startConsole(t)
    const { page } = await openPage(t)
    const sizes = new Map<string, number>()
    const weigh: Promise<void>[] = []
    page.on('response', (response) => {
      if (!response.url().startsWith(`${server.url}/console/`)) return
      weigh.push(
        response.body().then(
          (body) => void sizes.set(response.url(), gzipSync(body).length),
          () => undefined,
        ),
      )
    })
    await page.goto(server.url + (await server.setupLink()))
    await page.locator('h1').waitFor()
    await Promise.all(weigh)
    const total = [...sizes.values()].reduce((sum, size) => sum + size, 0)
    assert.ok(sizes.size > 3)
    assert.ok(total < FIRST_PAINT_LIMIT_BYTES, `${total} bytes`)
    t.diagnostic(`first paint: ${Math.round(total / 1024)} KB gzipped`)
  })
})
