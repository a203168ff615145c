import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { after, before, describe, it } from 'node:test'
import { writeProject } from '../functions/function-project.ts'
import { startTestServer, type TestServer } from '../support/test-server.ts'

/** Runs the code that the test sends, with the real SDK: what a function can do, the tests can say directly. */
const RUNNER = `
  const cloud = require('wx-server-sdk')
  cloud.init({ env: cloud.DYNAMIC_CURRENT_ENV })
  const db = cloud.database()
  const AsyncFunction = (async () => {}).constructor
  exports.main = async (event) => {
    try {
      return { value: await new AsyncFunction('cloud', 'db', '_', 'event', event.code)(cloud, db, db.command, event) }
    } catch (error) {
      return { errCode: error.errCode, errMsg: error.errMsg, message: error.message }
    }
  }`

const PROJECT = {
  'run/index.js': RUNNER,
  'inner/index.js': `
    const cloud = require('wx-server-sdk')
    cloud.init()
    exports.main = async (event) => ({ context: cloud.getWXContext(), event })`,
  'throws/index.js': `exports.main = async () => { throw new Error('on purpose') }`,
  'again/index.js': `
    const cloud = require('wx-server-sdk')
    cloud.init()
    exports.main = async ({ depth }) => cloud.callFunction({ name: 'again', data: { depth: depth + 1 } })`,
}

/** The same must hold with the package from npm and with Sampan's light one. */
for (const sdk of ['real', 'light'] as const) testSdk(sdk)

function testSdk(sdk: 'real' | 'light') {
  describe(`the /admin door, through the ${sdk} wx-server-sdk`, () => {
    let server: TestServer
    let functionsRoot: string
    let alice: { token: string; openId: string }

    before(async () => {
      const config = JSON.stringify({ sampan: { lightSdk: sdk === 'light' } })
      functionsRoot = writeProject({
        ...PROJECT,
        ...Object.fromEntries(['run', 'inner', 'again'].map((name) => [`${name}/config.json`, config])),
      })
      server = await startTestServer({ project: { functionsRoot } })
      alice = await server.logIn('alice')
    })
    after(async () => {
      await server.close()
      rmSync(functionsRoot, { recursive: true, force: true })
    })

    // biome-ignore lint/suspicious/noExplicitAny: every piece of code answers another shape
    const run = async (code: string, data: Record<string, unknown> = {}): Promise<any> => {
      const { body } = await server.post('/v1/functions/run', { data: { code, ...data } }, alice.token)
      assert.ok(body.result, JSON.stringify(body))
      return body.result
    }
    // biome-ignore lint/suspicious/noExplicitAny: as above
    const value = async (code: string, data?: Record<string, unknown>): Promise<any> => {
      const result = await run(code, data)
      assert.ok('value' in result || Object.keys(result).length === 0, JSON.stringify(result))
      return result.value
    }

    it('creates collections once', async () => {
      const made = await value(`return db.createCollection('things')`)
      assert.match(made.errMsg, /createCollection:ok/)
      const again = await run(`return db.createCollection('things')`)
      assert.match(again.errMsg, /Table exist/)
    })

    it('adds, reads, changes, replaces, counts and removes records', async () => {
      const found = await value(`
      await db.createCollection('books')
      const books = db.collection('books')
      const { _id } = await books.add({ data: { title: 'one', tags: ['a'], price: 10, at: new Date(5), sub: { x: 1 } } })
      const many = await books.add({ data: [{ title: 'two', price: 20 }, { title: 'three', price: 30 }] })
      const changed = await books.doc(_id).update({ data: { price: _.inc(5), tags: _.push(['b']), sub: { y: 2 } } })
      const one = await books.doc(_id).get()
      const cheap = await books.where({ price: _.gte(15).and(_.lt(30)) }).orderBy('price', 'desc').field({ title: true, _id: false }).get()
      const all = await books.where({ price: _.gt(0) }).update({ data: { seen: true } })
      const set = await books.doc('fixed').set({ data: { title: 'fixed' } })
      const setAgain = await books.doc('fixed').set({ data: { title: 'replaced' } })
      const { total } = await books.count()
      const removed = await books.where({ title: 'two' }).remove()
      const gone = await books.doc(_id).remove()
      return {
        isText: typeof _id, ids: many._ids.length, changed: changed.stats, one: { ...one.data, _id: '' }, isDate: one.data.at instanceof Date,
        cheap: cheap.data, all: all.stats, set: set.stats, setAgain: setAgain.stats, total, removed: removed.stats, gone: gone.stats,
      }`)
      assert.deepEqual(found, {
        isText: 'string',
        ids: 2,
        changed: { updated: 1 },
        one: { _id: '', title: 'one', tags: ['a', 'b'], price: 15, at: new Date(5).toISOString(), sub: { x: 1, y: 2 } },
        isDate: true,
        cheap: [{ title: 'two' }, { title: 'one' }],
        all: { updated: 3 },
        set: { updated: 0, created: 1 },
        setAgain: { updated: 1, created: 0 },
        total: 4,
        removed: { removed: 1 },
        gone: { removed: 1 },
      })
    })

    it('answers errors with CloudBase’s codes and texts', async () => {
      const missing = await run(`return db.collection('no-such').get()`)
      assert.equal(missing.errCode, -502005)
      assert.match(
        missing.errMsg,
        /collection\.get:fail -502005 database collection not exists\. \[ResourceNotFound\] Db or Table not exist: no-such/,
      )
      const lost = await run(`return db.collection('things').doc('nope').get()`)
      assert.equal(lost.errCode, -1)
      assert.match(lost.errMsg, /document\.get:fail document with _id nope does not exist/)
      const twice = await run(`
      await db.collection('things').add({ data: { _id: 'same' } })
      return db.collection('things').add({ data: { _id: 'same' } })`)
      assert.equal(twice.errCode, -502001)
      assert.match(twice.errMsg, /E11000 duplicate key/)
    })

    it('reveals what the phone marked as open data, to the function and to getOpenData', async () => {
      const { encryptedData, iv } = server.simulator.encryptUserData('alice', { stepInfoList: [{ step: 7 }] })
      const code = server.simulator.phoneCode('alice')
      const mark = (source: unknown) => ({ $cloudID: source })
      const data = {
        steps: mark({ encryptedData, iv }),
        nested: [{ phone: mark({ code }) }],
        broken: mark({ encryptedData, iv: 'x' }),
      }
      const found = await value(
        `const { list } = await cloud.getOpenData({ list: [event.steps.cloudID] })
        return { steps: event.steps.data, phone: event.nested[0].phone.data, broken: event.broken, list }`,
        data,
      )
      assert.deepEqual(found.steps.stepInfoList, [{ step: 7 }])
      assert.match(found.phone.purePhoneNumber, /^1\d{10}$/)
      assert.equal(found.broken.errCode, -601006)
      assert.deepEqual(found.list[0].data.stepInfoList, [{ step: 7 }])
      const foreign = await run(`return cloud.getOpenData({ list: ['35_made-by-wechat'] })`)
      assert.ok(foreign.errMsg.includes('getOpenData:fail'), JSON.stringify(foreign))
    })

    it('aggregates, joins, and runs transactions', async () => {
      const found = await value(`
        for (const name of ['orders', 'goods']) await db.createCollection(name)
        await db.collection('goods').add({ data: [{ _id: 'tea', price: 3 }, { _id: 'rice', price: 2 }] })
        await db.collection('orders').add({ data: [{ goods: 'tea', n: 2 }, { goods: 'rice', n: 5 }, { goods: 'tea', n: 1 }] })
        const $ = _.aggregate
        const { list } = await db.collection('orders').aggregate()
          .match({ n: _.gt(0) })
          .group({ _id: '$goods', n: $.sum('$n') })
          .lookup({ from: 'goods', localField: '_id', foreignField: '_id', as: 'goods' })
          .sort({ _id: 1 }).end()
        const sold = await db.runTransaction(async (transaction) => {
          const tea = transaction.collection('goods').doc('tea')
          const { data } = await tea.get()
          await tea.update({ data: { price: _.inc(1) } })
          return data.price
        })
        const why = await db.runTransaction(async (transaction) => {
          await transaction.collection('goods').doc('tea').update({ data: { price: 99 } })
          await transaction.rollback('too dear')
        }).catch((reason) => reason)
        const { data: tea } = await db.collection('goods').doc('tea').get()
        return { list, sold, why, price: tea.price }`)
      assert.deepEqual(found, {
        list: [
          { _id: 'rice', n: 5, goods: [{ _id: 'rice', price: 2 }] },
          { _id: 'tea', n: 3, goods: [{ _id: 'tea', price: 3 }] },
        ],
        sold: 3,
        why: 'too dear',
        price: 4,
      })
    })

    it('does not add _openid to what a function writes', async () => {
      const record = await value(`
      const { _id } = await db.collection('things').add({ data: { by: 'function' } })
      return (await db.collection('things').doc(_id).get()).data`)
      assert.equal(record._openid, undefined)
    })

    it('uploads, links, downloads and deletes files, with Chinese in the path', async () => {
      const found = await value(`
      const { fileID } = await cloud.uploadFile({ cloudPath: '照片/夏 1.txt', fileContent: Buffer.from('a boat') })
      const { fileContent } = await cloud.downloadFile({ fileID })
      const { fileList } = await cloud.getTempFileURL({ fileList: [fileID, 'cloud://x.y/none.txt'] })
      const { fileList: deleted } = await cloud.deleteFile({ fileList: [fileID] })
      const after = await cloud.getTempFileURL({ fileList: [fileID] })
      return { text: String(fileContent), fileList, deleted: deleted[0].status, after: after.fileList[0].status }`)
      assert.equal(found.text, 'a boat')
      assert.equal(found.fileList[0].status, 0)
      assert.match(found.fileList[0].tempFileURL, /^http/)
      assert.equal(found.fileList[1].status, -503003)
      assert.equal(found.deleted, 0)
      assert.equal(found.after, -503003)
    })

    it('answers uploads that are refused as COS does', async () => {
      const refused = await run(
        `return cloud.uploadFile({ cloudPath: 'page.html', fileContent: Buffer.from('<script></script>') })`,
      )
      assert.match(refused.errMsg, /file_type_refused/)
    })

    it('calls functions for the same user, and tells the way in SOURCE', async () => {
      const found = await value(`return cloud.callFunction({ name: 'inner', data: { n: 1 } })`)
      assert.match(found.errMsg, /callFunction:ok/)
      assert.equal(found.result.context.OPENID, alice.openId)
      assert.equal(found.result.context.SOURCE, 'wx_client,scf')
      assert.equal(found.result.event.n, 1)
      assert.equal(found.result.event.userInfo.openId, alice.openId)
      const failed = await run(`return cloud.callFunction({ name: 'throws' })`)
      assert.match(failed.errMsg, /on purpose/)
      const unknown = await run(`return cloud.callFunction({ name: 'no-such-function' })`)
      assert.match(unknown.errMsg, /function_not_found/)
    })

    // With the real SDK each of the six levels loads it anew: the same, only longer.
    if (sdk === 'light') {
      it('stops functions that call themselves without end', async () => {
        const { body } = await server.post('/v1/functions/again', { data: { depth: 0 } }, alice.token)
        assert.equal(body.error.code, 'function_failed')
        assert.match(body.error.message, /function_recursion/)
      })
    }

    it('reaches WeChat’s APIs by their names in cloud.openapi', async () => {
      const checked = await value(
        `return cloud.openapi.security.msgSecCheck({ openid: event.userInfo.openId, scene: 1, version: 2, content: 'hello' })`,
      )
      assert.equal(checked.errCode, 0)
      assert.equal(checked.errMsg, 'openapi.security.msgSecCheck:ok')
      assert.equal(checked.result.suggest, 'pass')
      const code = await value(`
      const { contentType, buffer } = await cloud.openapi.wxacode.getUnlimited({ scene: 'a=1' })
      return { contentType, bytes: buffer.length }`)
      assert.match(code.contentType, /^image\//)
      assert.ok(code.bytes > 50)
      const picture = await value(
        `return cloud.openapi.security.imgSecCheck({ media: { contentType: 'image/png', value: Buffer.from('89504e470d0a1a0a', 'hex') } })`,
      )
      assert.equal(picture.errMsg, 'openapi.security.imgSecCheck:ok')
      const unconverted = await value(`return cloud.openapi({ convertCase: false }).subscribeMessage.getTemplateList()`)
      assert.ok(Array.isArray(unconverted.data))
      const refused = await run(
        `return cloud.openapi.subscribeMessage.send({ touser: 'nobody', templateId: 'none', data: {} })`,
      )
      assert.ok(refused.errCode > 0, JSON.stringify(refused))
      const unknown = await run(`return cloud.openapi.no.such.api({})`)
      assert.match(unknown.errMsg, /not_supported/)
    })
  })
}
