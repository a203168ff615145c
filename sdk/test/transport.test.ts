/** Login, retries, limits and the offline queue, over networks that lose things. */
import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, it } from 'node:test'
import { CloudError } from '../src/index.ts'
import { startTestCloud, type TestCloud } from './test-cloud.ts'

describe('the client on bad networks', () => {
  let test: TestCloud
  before(async () => {
    test = await startTestCloud({
      count: 'let n = 0; exports.main = async () => { n++; return n }',
    })
  })
  after(() => test.close())
  beforeEach(() => {
    test.network.seen.length = 0
    test.network.spoil()
  })

  const paths = () => test.network.seen.map(({ path }) => path)
  const logins = () => paths().filter((path) => path === '/v1/login').length

  it('logs in once, before the first call, however many calls wait', async () => {
    const { cloud } = test.start('anna')
    const notes = cloud.database().collection('notes')
    assert.deepEqual(paths(), [])
    await Promise.all([notes.count(), notes.get(), notes.limit(3).get()])
    assert.equal(logins(), 1)
    assert.equal(paths()[0], '/v1/login')
  })

  it('keeps the login on the phone', async () => {
    const { cloud, phone } = test.start('anna')
    await cloud.database().collection('notes').count()
    const again = test.start('anna', { wx: phone.wx as never })
    await again.cloud.database().collection('notes').count()
    assert.equal(logins(), 1)
  })

  it('logs in again once when the session ended, for all calls together', async () => {
    const { cloud, phone } = test.start('bob')
    const notes = cloud.database().collection('notes')
    await notes.count()
    const [token] = [...phone.storage.values()]
    await test.server.post('/v1/logout', {}, String(token))
    await Promise.all([notes.count(), notes.get(), notes.add({ data: { a: 1 } })])
    assert.equal(logins(), 2)
  })

  it('asks WeChat for a fresh code if the first one was spent', async () => {
    const codes = ['sim:carol:spent-elsewhere', test.server.simulator.loginCode('carol')]
    const { cloud } = test.start('carol', {}, { loginCode: () => codes.shift() ?? '' })
    await spendElsewhere('sim:carol:spent-elsewhere')
    await cloud.database().collection('notes').count()
    assert.deepEqual(codes, [])
    assert.equal(logins(), 2)
  })

  /** Spends a code at WeChat without our server's knowledge. */
  const spendElsewhere = (code: string) =>
    fetch(
      `${test.server.simulator.url}/sns/jscode2session?appid=wx0123456789abcdef&secret=secret-of-the-simulated-account&js_code=${code}&grant_type=authorization_code`,
    )

  it('gives up with a clear error if WeChat refuses to log in', async () => {
    const { cloud } = test.start('dan', {}, { loginCode: () => '' })
    const error = await failure(cloud.callFunction({ name: 'count' }))
    assert.equal(error.code, 'login_refused')
    assert.match(error.errMsg, /^cloud\.callFunction:fail Error: errCode: -401001/)
  })

  it('lets a write whose answer got lost take effect once', async () => {
    const { cloud } = test.start('erin')
    const db = cloud.database()
    const notes = db.collection('notes')
    await notes.add({ data: { _id: 'counter', n: 0 } })
    test.network.spoil('lost-answer', 'lost-answer')
    assert.deepEqual((await notes.doc('counter').update({ data: { n: db.command.inc(1) } })).stats, { updated: 1 })
    assert.equal((await notes.doc('counter').get()).data['n'], 1)
    const keys = test.network.seen
      .filter(({ path }) => path.endsWith('/update'))
      .map(({ headers }) => headers['idempotency-key'])
    assert.equal(keys.length, 3)
    assert.equal(new Set(keys).size, 1)
  })

  it('repeats reads over lost requests and gateways, with jitter, three times in all', async () => {
    const { cloud, waitsMs } = test.start('frank')
    const notes = cloud.database().collection('notes')
    await notes.count()
    test.network.spoil('lost-request', 'bad-gateway')
    assert.equal((await notes.count()).total, 0)
    assert.equal(waitsMs.length, 2)
    assert.ok(
      waitsMs.every((ms, made) => ms >= 0 && ms <= 400 * 2 ** made),
      `waited ${waitsMs}`,
    )
    test.network.spoil('lost-request', 'lost-request', 'lost-request')
    assert.equal((await failure(notes.count())).code, 'network_failed')
  })

  it('waits as long as the server asks before it repeats', async () => {
    const { cloud, waitsMs } = test.start('gina')
    await cloud.database().collection('notes').count()
    test.network.spoil('turned-away')
    await cloud.database().collection('notes').count()
    assert.equal(waitsMs.length, 1)
    assert.ok(Number(waitsMs[0]) >= 1_000, `waited ${waitsMs}`)
  })

  it('never runs a function twice by itself, unless the server turned the call away', async () => {
    const { cloud } = test.start('hugo')
    await cloud.callFunction({ name: 'count' })
    const { result: first } = await cloud.callFunction({ name: 'count' })
    test.network.spoil('lost-answer')
    assert.equal((await failure(cloud.callFunction({ name: 'count' }))).code, 'network_failed')
    test.network.spoil('turned-away')
    assert.equal((await cloud.callFunction({ name: 'count' })).result, first + 2)
  })

  it('keeps to WeChat’s ten requests at once', async () => {
    const { cloud } = test.start('iris')
    const notes = cloud.database().collection('notes')
    // The phone refuses an eleventh.
    await Promise.all(Array.from({ length: 35 }, (_, n) => notes.where({ n }).count()))
  })

  it('refuses to queue without end', async () => {
    const { cloud } = test.start('ivan')
    const notes = cloud.database().collection('notes')
    await notes.count()
    const held = Promise.withResolvers<void>()
    test.network.hold(held.promise)
    const counts = Array.from({ length: 1_012 }, (_, n) => notes.where({ n }).count())
    assert.equal((await failure(Promise.race(counts))).code, 'too_many_requests')
    held.resolve()
    const outcomes = await Promise.allSettled(counts)
    // The server's own rate limit may refuse others.
    const codes = outcomes.map((outcome) => (outcome.status === 'rejected' ? outcome.reason.code : 'done'))
    assert.equal(codes.filter((code) => code === 'too_many_requests').length, 2)
  })

  it('shares one request between identical reads, each with its own copy', async () => {
    const { cloud } = test.start('judy')
    const notes = cloud.database().collection('notes')
    await notes.add({ data: { _id: 'shared', list: [1] } })
    test.network.seen.length = 0
    const [one, two] = await Promise.all([notes.doc('shared').get(), notes.doc('shared').get()])
    assert.equal(test.network.seen.length, 1)
    one.data['list'].push(2)
    assert.deepEqual(two.data['list'], [1])
  })

  it('does not hand a read from before a write to those who ask after it', async () => {
    const { cloud } = test.start('kim')
    const notes = cloud.database().collection('notes')
    await notes.add({ data: { _id: 'k', v: 1 } })
    const early = notes.doc('k').get()
    await notes.doc('k').update({ data: { v: 2 } })
    assert.equal((await notes.doc('k').get()).data['v'], 2)
    await early
  })

  it('tells when loading begins and ends', async () => {
    const events: boolean[] = []
    const { cloud } = test.start('lee', { onLoading: (isLoading) => events.push(isLoading) })
    const notes = cloud.database().collection('notes')
    await Promise.all([notes.count(), notes.get()])
    assert.deepEqual(events, [true, false])
    await failure(notes.doc('none').get())
    assert.deepEqual(events, [true, false, true, false])
  })

  it('keeps writes while offline, in order, and sends them when the network is back', async () => {
    const { cloud, phone } = test.start('mia', { isOffline: true })
    cloud.init({ isOffline: true })
    const db = cloud.database()
    const notes = db.collection('notes')
    await notes.add({ data: { _id: 'kept', n: 1 } })
    phone.setOnline(false)
    const added = await notes.add({ data: { text: 'on the train' } })
    assert.deepEqual(added, { _id: added._id, isQueued: true, errMsg: 'collection.add:ok' })
    assert.deepEqual(await notes.doc('kept').update({ data: { n: db.command.inc(1) } }), {
      stats: { updated: 0 },
      isQueued: true,
      errMsg: 'document.update:ok',
    })
    assert.equal((await failure(notes.get())).code, 'network_failed')
    phone.setOnline(true)
    await phone.settle()
    assert.equal((await notes.doc(added._id).get()).data['text'], 'on the train')
    assert.equal((await notes.doc('kept').get()).data['n'], 2)
  })

  it('keeps offline writes over a restart of the program, and reports those that are refused', async () => {
    const { cloud, phone } = test.start('noa', { isOffline: true })
    await cloud.database().collection('notes').count()
    phone.setOnline(false)
    await cloud
      .database()
      .collection('locked')
      .add({ data: { a: 1 } })
    await cloud
      .database()
      .collection('notes')
      .add({ data: { _id: 'after-restart' } })

    phone.setOnline(true)
    const refused: string[] = []
    const again = test.start('noa', {
      wx: phone.wx as never,
      isOffline: true,
      onOfflineError: ({ code }, { verb }) => refused.push(`${verb} ${code}`),
    })
    again.cloud.init({ isOffline: true })
    await phone.settle()
    assert.deepEqual(refused, ['add permission_denied'])
    assert.equal((await again.cloud.database().collection('notes').where({ _id: 'after-restart' }).count()).total, 1)
  })

  it('does not send the same write for ever if the phone’s storage refuses', async () => {
    const { cloud, phone } = test.start('oda', { isOffline: true })
    await cloud.database().collection('notes').count()
    phone.setOnline(false)
    await cloud
      .database()
      .collection('notes')
      .add({ data: { _id: 'stuck' } })
    phone.wx['setStorageSync'] = () => {
      throw new Error('setStorage:fail')
    }
    phone.setOnline(true)
    cloud.init({ isOffline: true })
    await phone.settle()
    assert.equal(paths().filter((path) => path.endsWith('/add')).length, 1)
  })

  it('sends nothing and says so before it knows a server', async () => {
    const { cloud } = test.start('olga', { url: '' })
    const error = await failure(cloud.callFunction({ name: 'count' }))
    assert.equal(error.code, 'not_initialised')
    assert.match(error.errMsg, /please call cloud\.init/)
  })

  it('takes the address of the mini program’s version', async () => {
    const { cloud } = test.start('paul', { url: { develop: test.network.url, release: 'https://api.example.com' } })
    await cloud.database().collection('notes').count()
    assert.ok(paths().includes('/v1/documents/count'))
  })
})

async function failure(promise: Promise<unknown>): Promise<CloudError> {
  const outcome = await promise.then(
    () => undefined,
    (error: unknown) => error,
  )
  assert.ok(outcome instanceof CloudError, 'expected a CloudError')
  return outcome
}
