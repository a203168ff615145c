import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import {
  type Browser,
  errorCode,
  invitePerson,
  LOCAL_TOKEN,
  openBrowser,
  setUpOwner,
  startConsole,
} from './start-console.ts'

const DOCUMENTS = [
  { _id: 'a', name: '<img src=x onerror=alert(1)>', price: 5, _openid: 'user-a' },
  { _id: 'b', name: 'second', price: 9, _openid: 'user-b' },
]

async function startWithRooms(t: TestContext) {
  const console = await startConsole(t)
  const owner = await setUpOwner(console)
  await owner.call('POST', '/data', { name: 'rooms', rules: 'PRIVATE' })
  await owner.call('POST', '/data/rooms/import', { documents: DOCUMENTS })
  return { console, owner }
}

/** Every action of the audit so far, newest first. */
async function audited(owner: Browser) {
  const { body } = await owner.call('GET', '/audit')
  return (body['entries'] as { action: string; target: string; actor: string }[]).map(({ action }) => action)
}

describe('console: data', () => {
  it('finds, changes and removes records through the engine, and writes each change down', async (t) => {
    const { owner } = await startWithRooms(t)
    const found = await owner.call('POST', '/data/rooms/find', { query: { price: { $gt: 6 } } })
    assert.equal(found.body['total'], 1)
    assert.equal((found.body['documents'] as { _id: string }[])[0]?._id, 'b')

    await owner.call('POST', '/data/rooms/set', {
      id: 'b',
      document: { name: 'renamed', price: 10, _openid: 'user-b' },
    })
    const after = await owner.call('POST', '/data/rooms/find', { query: { _id: 'b' } })
    assert.equal((after.body['documents'] as { name: string }[])[0]?.name, 'renamed')
    await owner.call('POST', '/data/rooms/remove', { id: 'a' })
    assert.equal((await owner.call('POST', '/data/rooms/find', {})).body['total'], 1)
    const actions = await audited(owner)
    for (const action of ['record.set', 'record.remove', 'record.import', 'collection.create']) {
      assert.ok(actions.includes(action), action)
    }
  })

  it('drops a collection only when its name is typed', async (t) => {
    const { owner } = await startWithRooms(t)
    assert.equal(errorCode(await owner.call('DELETE', '/data/rooms', { confirm: 'room' })), 'confirmation_missing')
    assert.equal((await owner.call('DELETE', '/data/rooms', { confirm: 'rooms' })).status, 200)
    assert.equal(errorCode(await owner.call('POST', '/data/rooms/find', {})), 'collection_not_found')
  })

  it('exports every record, one a line', async (t) => {
    const { owner } = await startWithRooms(t)
    const many = Array.from({ length: 1_000 }, (_, n) => ({ _id: `n${String(n).padStart(5, '0')}` }))
    await owner.call('POST', '/data/rooms/import', { documents: many })
    const text = await owner.text('/data/rooms/export')
    const ids = text
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as { _id: string })._id)
    assert.equal(ids.length, 1_002)
    assert.equal(new Set(ids).size, 1_002)
  })

  it('lets a viewer look and nothing else', async (t) => {
    const { console, owner } = await startWithRooms(t)
    const viewer = await invitePerson(console.url, owner, 'viewer', 'Vi')
    assert.equal((await viewer.call('POST', '/data/rooms/find', {})).status, 200)
    const changes: [Parameters<Browser['call']>[0], string, unknown][] = [
      ['POST', '/data', { name: 'mine', rules: 'PRIVATE' }],
      ['POST', '/data/rooms/add', { document: {} }],
      ['POST', '/data/rooms/import', { documents: [{}] }],
      ['POST', '/data/rooms/set', { id: 'a', document: {} }],
      ['POST', '/data/rooms/remove', { id: 'a' }],
      ['PUT', '/data/rooms/rules', { rules: 'ADMINONLY' }],
      ['POST', '/data/rooms/indexes', { fields: { price: 1 } }],
      ['DELETE', '/data/rooms', { confirm: 'rooms' }],
      ['POST', '/sql', { sql: 'SELECT 1 AS one' }],
      ['POST', '/functions/hello/call', { openId: '' }],
      ['POST', '/functions/hello/timers/nightly/run', undefined],
      ['POST', '/files/remove', { path: 'a', confirm: 'a' }],
      ['DELETE', '/users/user-a/sessions', undefined],
      ['GET', '/users/user-a/data', undefined],
      ['DELETE', '/users/user-a', { confirm: 'user-a' }],
      ['GET', '/settings', undefined],
      ['PUT', '/settings/bundle', { bundle: '2c2g4m' }],
      ['GET', '/keys', undefined],
      ['POST', '/keys', { label: 'x' }],
      ['POST', '/alarms/channels', { kind: 'wecom', url: 'https://example.com' }],
      ['POST', '/alarms/silence', { rule: 'cpu', hours: 1 }],
      ['PUT', '/alarms/heartbeat', { url: '' }],
    ]
    for (const [method, path, body] of changes) {
      assert.equal(errorCode(await viewer.call(method, path, body)), 'forbidden', `${method} ${path}`)
    }
    assert.equal((await owner.call('POST', '/data/rooms/find', {})).body['total'], 2)
  })

  it('says whether a user may do something, and changes nothing by asking', async (t) => {
    const { owner } = await startWithRooms(t)
    const ask = async (body: object) => (await owner.call('POST', '/data/rooms/may', body)).body
    assert.deepEqual(await ask({ action: 'read', openId: 'user-a', query: {} }), { isAllowed: true, records: 1 })
    assert.deepEqual(await ask({ action: 'create', openId: 'user-a', document: { x: 1 } }), {
      isAllowed: true,
      records: 1,
    })
    assert.deepEqual(await ask({ action: 'update', openId: 'user-a', id: 'a', document: { x: 1 } }), {
      isAllowed: true,
      records: 1,
    })
    assert.deepEqual(await ask({ action: 'delete', openId: 'user-a', id: 'b' }), { isAllowed: false, records: 0 })
    const kept = await owner.call('POST', '/data/rooms/find', { query: { x: 1 } })
    assert.equal(kept.body['total'], 0)
    const nobody = await ask({ action: 'read', openId: '', query: {} })
    assert.deepEqual([nobody['isAllowed'], nobody['code']], [false, 'unauthenticated'])
    await owner.call('PUT', '/data/rooms/rules', { rules: 'ADMINONLY' })
    assert.equal((await ask({ action: 'read', openId: 'user-a' }))['code'], 'permission_denied')
    assert.equal((await ask({ action: 'create', openId: 'user-a', document: { x: 1 } }))['isAllowed'], false)
    assert.equal((await owner.call('POST', '/data/rooms/find', {})).body['total'], 2)
  })
})

describe('console: functions and logs', () => {
  it('calls a function as a user and follows its request to the database', async (t) => {
    const { owner, console: server } = await startWithRooms(t)
    const answer = await owner.call('POST', '/functions/hello/call', {
      openId: 'user-a',
      data: { name: 'Wang', count: 'rooms' },
    })
    assert.deepEqual(answer.body['result'], { greeting: 'Hello Wang', openid: 'user-a' })
    const trace = await owner.call('GET', `/requests/${answer.body['requestId']}`)
    const [call] = trace.body['calls'] as { functionName: string; log: { text: string }[] }[]
    assert.equal(call?.functionName, 'hello')
    assert.match(JSON.stringify(call?.log), /hello was called/)
    const requests = trace.body['requests'] as { route: string; statements: { sql: string; durationMs: number }[] }[]
    assert.deepEqual(
      requests.map(({ route }) => route),
      ['/admin database.calculateDocument'],
    )
    const counted = requests[0]?.statements.find(({ sql }) => /select count/i.test(sql))
    assert.ok(counted && counted.durationMs > 0, JSON.stringify(requests[0]?.statements))
    const { body } = await owner.call('GET', '/metrics/functions?range=now')
    assert.deepEqual(body, { functions: [] }, 'before the first sample')
    await server.watch.monitor.sample()
    const after = await owner.call('GET', '/metrics/functions?range=now')
    const [hello] = after.body['functions'] as { name: string; count: number; memoryMaxBytes: number }[]
    assert.deepEqual([hello?.name, hello?.count], ['hello', 1])
    assert.ok((hello?.memoryMaxBytes ?? 0) > 1e6)
  })

  it('shows a slow statement of somebody’s own SQL', async (t) => {
    const console = await startConsole(t)
    const owner = await setUpOwner(console)
    const sql =
      'WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000000) SELECT count(*) AS many FROM n'
    await owner.call('POST', '/sql', { sql })
    const { body } = await owner.call('GET', '/slow-queries')
    const [slow] = body['statements'] as { sql: string; count: number; durationMs: number }[]
    assert.ok(slow?.sql.includes('RECURSIVE'), JSON.stringify(body))
    assert.ok((slow?.durationMs ?? 0) >= 200)
  })

  it('shows what a function threw, and lists the call as failed', async (t) => {
    const console = await startConsole(t)
    const owner = await setUpOwner(console)
    const answer = await owner.call('POST', '/functions/broken/call', { openId: '' })
    assert.equal(errorCode(answer), 'function_failed')
    const { body } = await owner.call('GET', '/calls?status=failed')
    assert.equal((body['calls'] as { functionName: string }[])[0]?.functionName, 'broken')
  })

  it('shows source of functions and of nothing else', async (t) => {
    const console = await startConsole(t)
    const owner = await setUpOwner(console)
    const { body } = await owner.call('GET', '/functions/hello/source')
    const names = (body['files'] as { path: string }[]).map(({ path }) => path)
    assert.deepEqual(names, ['index.js', 'config.json', 'package.json'])
    for (const name of ['..', '%2e%2e', '..%2fdata', 'nothing']) {
      assert.equal(errorCode(await owner.call('GET', `/functions/${name}/source`))?.endsWith('not_found'), true, name)
    }
  })

  it('runs a timer now', async (t) => {
    const console = await startConsole(t)
    const owner = await setUpOwner(console)
    assert.equal((await owner.call('POST', '/functions/hello/timers/nightly/run')).status, 200)
    const { body } = await owner.call('GET', '/calls?functionName=hello')
    assert.equal((body['calls'] as unknown[]).length, 1)
  })
})

describe('console: SQL', () => {
  it('reads for developers, and writes only for an owner who unlocks it', async (t) => {
    const { console, owner } = await startWithRooms(t)
    const developer = await invitePerson(console.url, owner, 'developer', 'Dev')
    const read = await developer.call('POST', '/sql', { sql: "SELECT 'drop table' AS word, 2 AS two;" })
    assert.deepEqual([read.body['columns'], read.body['rows']], [['word', 'two'], [['drop table', 2]]])

    const write = { sql: "UPDATE users SET union_id = 'x'" }
    assert.equal(errorCode(await owner.call('POST', '/sql', write)), 'confirmation_missing')
    assert.equal(errorCode(await developer.call('POST', '/sql', { ...write, unlock: 'write' })), 'confirmation_missing')
    assert.equal((await owner.call('POST', '/sql', { ...write, unlock: 'write' })).status, 200)
    assert.ok((await audited(owner)).includes('sql.write'))
  })

  it('keeps hashes and sealed keys from developers', async (t) => {
    const { console, owner } = await startWithRooms(t)
    const developer = await invitePerson(console.url, owner, 'developer', 'Dev')
    for (const sql of [
      'SELECT password_hash FROM administrators',
      'SELECT * FROM "Administrators"',
      'SELECT * FROM access_keys',
      'SELECT session_key FROM sessions',
    ]) {
      assert.equal(errorCode(await developer.call('POST', '/sql', { sql })), 'forbidden', sql)
    }
  })

  it('refuses writes dressed as reads', async (t) => {
    const { owner } = await startWithRooms(t)
    for (const sql of ['WITH x AS (DELETE FROM users RETURNING *) SELECT * FROM x', 'SELECT 1; DROP TABLE users']) {
      assert.notEqual((await owner.call('POST', '/sql', { sql })).status, 200, sql)
    }
  })
})

describe('console: users, settings, alarms', () => {
  it('revokes, exports and erases a person', async (t) => {
    const { console, owner } = await startWithRooms(t)
    const { body } = await owner.call('GET', '/users/user-a/data')
    assert.deepEqual(Object.keys(body['collections'] as object), ['rooms'])
    assert.equal(errorCode(await owner.call('DELETE', '/users/user-a', { confirm: 'user-b' })), 'confirmation_missing')
    const erased = await owner.call('DELETE', '/users/user-a', { confirm: 'user-a' })
    assert.equal(erased.body['records'], 1)
    assert.equal((await owner.call('POST', '/data/rooms/find', {})).body['total'], 1)
    assert.equal((await console.documents.listCollections())[0]?.documents, 1)
  })

  it('never tells a secret', async (t) => {
    const console = await startConsole(t)
    const owner = await setUpOwner(console)
    const url = 'https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=robot-key'
    await owner.call('POST', '/alarms/channels', { kind: 'wecom', url, secret: 'signing-secret' })
    const told = await Promise.all(['/settings', '/alarms', '/keys', '/audit'].map((path) => owner.text(path)))
    for (const secret of ['a-secret-that-must-not-be-shown', 'robot-key', 'signing-secret', LOCAL_TOKEN]) {
      assert.ok(!told.join('').includes(secret), secret)
    }
    assert.match(told.join(''), /qyapi\.weixin\.qq\.com/)
  })

  it('knows line, quota and price once the bundle is stated', async (t) => {
    const console = await startConsole(t)
    const owner = await setUpOwner(console)
    assert.equal(errorCode(await owner.call('PUT', '/settings/bundle', { bundle: 'no such thing' })), 'invalid_request')
    const { body } = await owner.call('PUT', '/settings/bundle', { bundle: '2c4g6m' })
    assert.equal(body['lineMbps'], 6)
    const overview = await owner.call('GET', '/overview')
    const line = (overview.body['load'] as { resource: string; limit: number }[]).find(
      ({ resource }) => resource === 'line',
    )
    assert.equal(line?.limit, 6)
  })

  it('answers the command line on this machine, and nobody else who sends a token', async (t) => {
    const console = await startConsole(t)
    const ask = (token: string) =>
      fetch(`${console.url}/console/api/overview`, { headers: { authorization: `Bearer ${token}` } })
    assert.equal((await ask(LOCAL_TOKEN)).status, 200)
    assert.equal((await ask('something-else')).status, 401)
    assert.equal((await openBrowser(console.url).call('GET', '/overview')).status, 401)
  })
})
