/** The database through the client: what programs get back, to the letter. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { CloudError } from '../src/index.ts'
import { startTestCloud, type TestCloud } from './test-cloud.ts'

const ADVICE = 'please make sure that the document exists and you have the corresponding access permission'

describe('cloud.database()', () => {
  let test: TestCloud
  before(async () => {
    test = await startTestCloud()
  })
  after(() => test.close())

  it('adds, reads, changes, replaces and removes a record', async () => {
    const db = test.start('anna').cloud.database()
    const notes = db.collection('notes')
    assert.deepEqual(await notes.add({ data: { _id: 'n1', text: 'a', tags: ['x'] } }), {
      _id: 'n1',
      errMsg: 'collection.add:ok',
    })
    assert.deepEqual(await notes.doc('n1').update({ data: { n: 1, tags: db.command.push('y') } }), {
      stats: { updated: 1 },
      errMsg: 'document.update:ok',
    })
    const { data, errMsg } = await notes.doc('n1').field({ _openid: false }).get()
    assert.deepEqual(
      { data, errMsg },
      { data: { _id: 'n1', text: 'a', tags: ['x', 'y'], n: 1 }, errMsg: 'document.get:ok' },
    )
    assert.deepEqual(await notes.doc('n1').set({ data: { text: 'b' } }), {
      _id: 'n1',
      stats: { updated: 1, created: 0 },
      errMsg: 'document.set:ok',
    })
    assert.deepEqual(await notes.doc('n2').set({ data: { text: 'c' } }), {
      _id: 'n2',
      stats: { updated: 0, created: 1 },
      errMsg: 'document.set:ok',
    })
    assert.deepEqual(await notes.doc('n1').remove(), { stats: { removed: 1 }, errMsg: 'document.remove:ok' })
  })

  it('finds, counts, changes and removes by condition', async () => {
    const db = test.start('bob').cloud.database()
    const _ = db.command
    const notes = db.collection('notes')
    for (let n = 1; n <= 5; n++) await notes.add({ data: { n, deep: { even: n % 2 === 0 } } })
    const found = await notes
      .where({ n: _.gt(1).lte(4) })
      .orderBy('n', 'desc')
      .skip(1)
      .limit(2)
      .field({ n: true, _id: false })
      .get()
    assert.deepEqual(found, { data: [{ n: 3 }, { n: 2 }], errMsg: 'collection.get:ok' })
    assert.deepEqual(await notes.where({ deep: { even: true } }).count(), { total: 2, errMsg: 'collection.count:ok' })
    assert.deepEqual(await notes.where(_.or([{ n: 1 }, { n: 5 }])).update({ data: { n: _.inc(10) } }), {
      stats: { updated: 2 },
      errMsg: 'collection.update:ok',
    })
    assert.deepEqual(await notes.where({ n: _.gte(11) }).remove(), {
      stats: { removed: 2 },
      errMsg: 'collection.remove:ok',
    })
  })

  it('brings dates, regular expressions, large numbers and Geo objects back as they were', async () => {
    const db = test.start('carol').cloud.database()
    const data = {
      _id: 'types',
      at: new Date(1_700_000_000_123),
      big: 2 ** 53 - 1,
      half: 0.5,
      nothing: null,
      place: db.Geo.Point(113.5, 23),
      area: new db.Geo.Polygon([
        new db.Geo.LineString([db.Geo.Point(0, 0), db.Geo.Point(0, 1), db.Geo.Point(1, 1), db.Geo.Point(0, 0)]),
      ]),
    }
    await db.collection('notes').add({ data: { ...data, skipped: undefined } })
    const { data: back } = await db.collection('notes').doc('types').field({ _openid: false }).get()
    assert.deepEqual(back, data)
    assert.ok(back['at'] instanceof Date)
    assert.equal(back['place'].longitude, 113.5)
  })

  it('fills in the server’s clock', async () => {
    const db = test.start('dan').cloud.database()
    await db
      .collection('notes')
      .add({ data: { _id: 'clock', at: db.serverDate(), later: db.serverDate({ offset: 3_600_000 }) } })
    const { data } = await db.collection('notes').doc('clock').get()
    assert.equal(data['later'].getTime() - data['at'].getTime(), 3_600_000)
  })

  it('returns twenty records at most, as mini programs’ paging loops expect', async () => {
    const notes = test.start('erin').cloud.database().collection('notes')
    await Promise.all(Array.from({ length: 23 }, (_, n) => notes.add({ data: { n } })))
    assert.equal((await notes.get()).data.length, 20)
    assert.equal((await notes.limit(100).get()).data.length, 20)
    assert.equal((await notes.skip(20).get()).data.length, 3)
  })

  it('reports by callbacks and returns nothing, if there are callbacks', async () => {
    const notes = test.start('frank').cloud.database().collection('notes')
    const events: unknown[] = []
    await new Promise<void>((resolve) => {
      const returned = notes.add({
        data: { _id: 'cb' },
        success: (result) => events.push(['success', result]),
        fail: () => events.push('fail'),
        complete: (outcome) => {
          events.push(['complete', outcome.errMsg])
          resolve()
        },
      })
      assert.equal(returned, undefined)
    })
    assert.deepEqual(events, [
      ['success', { _id: 'cb', errMsg: 'collection.add:ok' }],
      ['complete', 'collection.add:ok'],
    ])
    const error = await new Promise<CloudError>((resolve) => notes.doc('none').get({ fail: resolve }))
    assert.equal(error.errCode, -1)
  })

  it('fails with CloudBase’s numbers and texts, and with code, hint and request id', async () => {
    const db = test.start('gina').cloud.database()
    const missing = await failure(db.collection('notes').doc('nope').get())
    assert.equal(missing.errMsg, `document.get:fail document.get:fail cannot find document with _id nope, ${ADVICE}`)
    assert.deepEqual([missing.errCode, missing.code, missing.statusCode], [-1, 'document_not_found', 404])
    assert.ok(missing.hint && missing.requestId)
    assert.ok(
      test.server.logLines.some((line) => line.includes(String(missing.requestId))),
      'the server’s log has the request id',
    )

    const noCollection = await failure(db.collection('nowhere').where({ a: 1 }).get())
    assert.equal(
      noCollection.errMsg,
      'collection.get:fail -502005 database collection not exists. [ResourceNotFound] Db or Table not exist: nowhere',
    )
    assert.equal(noCollection.errCode, -502005)

    const locked = await failure(db.collection('locked').add({ data: { a: 1 } }))
    assert.match(locked.errMsg, /^collection\.add:fail -502003 database permission denied\. /)
    assert.equal(locked.errCode, -502003)
  })

  it('aggregates, with pipelines inside pipelines', async () => {
    const db = test.start('ira').cloud.database()
    const [_, $] = [db.command, db.command.aggregate]
    const notes = db.collection('notes')
    for (const n of [1, 2, 3, 4]) await notes.add({ data: { _id: `agg-${n}`, group: n % 2 ? 'odd' : 'even', n } })
    const { list, errMsg } = await notes
      .aggregate()
      .match({ n: _.gt(1) })
      .group({ _id: '$group', total: $.sum('$n') })
      .sort({ _id: 1 })
      .end()
    assert.deepEqual(list, [
      { _id: 'even', total: 6 },
      { _id: 'odd', total: 3 },
    ])
    assert.equal(errMsg, 'collection.aggregate:ok')
    const joined = await notes
      .aggregate()
      .match({ _id: 'agg-1' })
      .lookup({
        from: 'notes',
        let: { group: '$group' },
        pipeline: $.pipeline()
          .match(_.expr($.eq(['$group', '$$group'])))
          .done(),
        as: 'same',
      })
      .end()
    assert.equal(joined.list[0].same.length, 2)
    const error = await failure(db.collection('nowhere').aggregate().end())
    assert.match(error.errMsg, /^collection\.aggregate:fail -502005/)
  })

  it('refuses mistakes before they reach the network', async () => {
    const db = test.start('hugo').cloud.database()
    const notes = db.collection('notes')
    const before = test.network.seen.length
    assert.throws(() => notes.where('x' as never), /查询参数必须为对象/)
    assert.throws(() => notes.where({ a: undefined }), /查询参数对象值不能均为undefined/)
    assert.throws(() => notes.orderBy('a', 'up'), /排序字符不合法/)
    assert.throws(() => notes.limit(1.5), /limit must be integer/)
    assert.throws(() => notes.doc(undefined as never), /docId必须为字符串或数字/)
    assert.match(
      (await failure(notes.doc('x').update({ data: { _id: 'y' } }))).errMsg,
      /^document\.update:fail .*不能更新_id的值/,
    )
    assert.match(
      (await failure(notes.doc('x').set({ data: { n: db.command.inc(1) } }))).errMsg,
      /update operator complicit/,
    )
    const circle: Record<string, unknown> = {}
    circle['self'] = circle
    assert.match((await failure(notes.add({ data: circle }))).errMsg, /circular structure/)
    assert.equal(test.network.seen.length, before)
  })

  it('keeps one person’s private records from another', async () => {
    const [anna, eve] = [test.start('judy'), test.start('eve')]
    await anna.cloud
      .database()
      .collection('notes')
      .add({ data: { _id: 'secret' } })
    const notes = eve.cloud.database().collection('notes')
    assert.equal((await failure(notes.doc('secret').get())).code, 'document_not_found')
    assert.deepEqual((await notes.where({ _id: 'secret' }).remove()).stats, { removed: 0 })
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
