/** Functions, files and containers through the client, in CloudBase's shapes. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, describe, it } from 'node:test'
import type { Cloud } from '../src/index.ts'
import { CloudError } from '../src/index.ts'
import { startTestCloud, type TestCloud } from './test-cloud.ts'

const PNG = Buffer.from('89504e470d0a1a0a0000000d4948445200000001000000010806000000', 'hex')

describe('cloud.*', () => {
  let test: TestCloud
  before(async () => {
    test = await startTestCloud({
      echo: 'exports.main = async (event) => event',
      fail: 'exports.main = async () => { throw new Error("no such order") }',
      nothing: 'exports.main = async () => {}',
    })
  })
  after(() => test.close())

  it('calls a function with the caller’s identity in the event', async () => {
    const { cloud } = test.start('anna')
    const { result, errMsg, requestID } = await cloud.callFunction({ name: 'echo', data: { a: [1, { b: null }] } })
    assert.equal(errMsg, 'cloud.callFunction:ok')
    assert.ok(requestID)
    assert.deepEqual(result.a, [1, { b: null }])
    assert.deepEqual(Object.keys(result.userInfo).sort(), ['appId', 'openId'])
    assert.equal((await cloud.callFunction({ name: 'nothing' })).result, undefined)
  })

  it('reports a function’s failure with CloudBase’s number and text', async () => {
    const { cloud } = test.start('anna')
    const error = await failure(cloud.callFunction({ name: 'fail' }))
    assert.match(
      error.errMsg,
      /^cloud\.callFunction:fail Error: errCode: -504002 functions execute fail \| errMsg: .*no such order/,
    )
    assert.equal(error.errCode, -504002)
    assert.equal((await failure(cloud.callFunction({ name: 'nope' }))).errCode, -501000)
    assert.equal((await failure(cloud.callFunction({ name: '' }))).code, 'invalid_argument')
  })

  it('calls back with the same results and errors', async () => {
    const { cloud } = test.start('anna')
    const result = await new Promise<{ errMsg: string }>((success) => cloud.callFunction({ name: 'echo', success }))
    assert.equal(result.errMsg, 'cloud.callFunction:ok')
    const error = await new Promise<CloudError>((fail) => cloud.callFunction({ name: 'fail', fail }))
    assert.ok(error instanceof CloudError)
    const outcome = await new Promise<unknown>((complete) => cloud.callFunction({ name: 'fail', complete }))
    assert.ok(outcome instanceof CloudError)
  })

  it('uploads, links, downloads and deletes a file', async () => {
    const { cloud, phone } = test.start('anna')
    const filePath = phone.addFile('a.png', PNG)
    const { fileID, statusCode, errMsg } = await cloud.uploadFile({ cloudPath: 'album/a.png', filePath })
    assert.deepEqual([statusCode, errMsg], [200, 'cloud.uploadFile:ok'])

    const links = await cloud.getTempFileURL({ fileList: [fileID, { fileID, maxAge: 60 }] })
    assert.deepEqual(
      links.fileList.map(({ status, errMsg, maxAge }) => [status, errMsg, maxAge > 0]),
      [
        [0, 'ok', true],
        [0, 'ok', true],
      ],
    )
    const { tempFilePath } = await cloud.downloadFile({ fileID })
    assert.deepEqual(readFileSync(tempFilePath), PNG)

    const { fileList } = await cloud.deleteFile({ fileList: [fileID] })
    assert.deepEqual(fileList, [{ fileID, status: 0, errMsg: 'ok' }])
    const gone = await failure(cloud.downloadFile({ fileID }))
    assert.deepEqual([gone.errCode, gone.code], [-503003, 'file_not_found'])
    assert.match(gone.errMsg, /^cloud\.downloadFile:fail Error: errCode: -503003 storage file not exists/)
  })

  it('asks for many links in parts', async () => {
    const { cloud, phone } = test.start('anna')
    const { fileID } = await cloud.uploadFile({ cloudPath: 'many.png', filePath: phone.addFile('a.png', PNG) })
    const { fileList } = await cloud.getTempFileURL({ fileList: Array.from({ length: 120 }, () => fileID) })
    assert.equal(fileList.length, 120)
    assert.ok(fileList.every(({ status }) => status === 0))
  })

  it('returns a task that reports progress and aborts, if there are callbacks', async () => {
    const { cloud, phone } = test.start('anna')
    const filePath = phone.addFile('a.png', PNG)
    const progress: { progress: number }[] = []
    await new Promise<void>((resolve, reject) => {
      const task = cloud.uploadFile({ cloudPath: 'p.png', filePath, success: () => resolve(), fail: reject })
      task.onProgressUpdate((event) => progress.push(event))
    })
    assert.deepEqual(
      progress.map((event) => event.progress),
      [100],
    )

    const error = await new Promise<CloudError>((fail) => {
      const task = cloud.uploadFile({ cloudPath: 'p.png', filePath, fail })
      task.abort()
    })
    assert.match(error.errMsg, /abort/)

    const held = Promise.withResolvers<void>()
    test.network.hold(held.promise)
    test.network.seen.length = 0
    const late = await new Promise<CloudError>((fail) => {
      const task = cloud.uploadFile({ cloudPath: 'p.png', filePath, fail })
      const abortOnceItRuns = () => (test.network.seen.length ? task.abort() : void setTimeout(abortOnceItRuns, 5))
      abortOnceItRuns()
    })
    held.resolve()
    assert.match(late.errMsg, /abort/)
    const done = await new Promise<{ tempFilePath: string }>((success) => {
      const { cloud } = test.start('anna')
      cloud.uploadFile({ cloudPath: 'q.png', filePath }).then(({ fileID }) => cloud.downloadFile({ fileID, success }))
    })
    assert.deepEqual(readFileSync(done.tempFilePath), PNG)
  })

  it('uploads CDN content and hands the function its address', async () => {
    const { cloud, phone } = test.start('anna')
    const { result } = await cloud.callFunction({
      name: 'echo',
      data: {
        file: new cloud.CDN({ type: 'filePath', filePath: phone.addFile('a.png', PNG) }),
        nested: [cloud.CDN('text')],
        bytes: cloud.CDN(new Uint8Array([1, 2, 3]).buffer),
      },
    })
    assert.deepEqual(Buffer.from(await (await fetch(result.file)).arrayBuffer()), PNG)
    assert.equal(await (await fetch(result.nested[0])).text(), 'text')
    assert.deepEqual([...new Uint8Array(await (await fetch(result.bytes)).arrayBuffer())], [1, 2, 3])
  })

  it('marks CloudIDs for the server', async () => {
    const { cloud } = test.start('anna')
    await cloud
      .callFunction({ name: 'echo', data: { phone: cloud.CloudID({ code: 'x' }), run: new cloud.CloudID('id') } })
      .catch(() => {})
    const { body } = test.network.seen.at(-1) ?? { body: '' }
    assert.deepEqual(JSON.parse(body), { data: { phone: { $cloudID: { code: 'x' } }, run: { $cloudID: 'id' } } })
  })

  it('reaches own routes as callContainer does, whatever their status', async () => {
    const { cloud } = test.start('anna')
    const me = await cloud.callContainer({ path: '/v1/me' })
    assert.deepEqual([me.statusCode, me.errMsg, typeof me.data.openId], [200, 'cloud.callContainer:ok', 'string'])
    const none = await cloud.callContainer({
      path: '/nowhere',
      method: 'POST',
      data: { a: 1 },
      header: { 'x-mine': '1' },
    })
    assert.equal(none.statusCode, 404)
    assert.equal(test.network.seen.at(-1)?.headers['x-mine'], '1')
  })

  it('makes other clients with `new cloud.Cloud()`', async () => {
    const { cloud } = test.start('anna')
    const other = new cloud.Cloud({ env: 'other' })
    await other.init()
    assert.equal((await other.callFunction({ name: 'echo' })).errMsg, 'cloud.callFunction:ok')
  })

  it('says clearly what exists only in Tencent’s cloud', () => {
    const { cloud } = test.start('anna')
    const isRefusal = (error: unknown) => error instanceof CloudError && error.code === 'not_supported'
    assert.throws(() => cloud.services.Gateway({}), isRefusal)
    assert.throws(() => cloud.extend.AI.createModel('hunyuan'), isRefusal)
    assert.throws(() => (cloud as Cloud & { callHTTPFunction(): void }).callHTTPFunction(), isRefusal)
  })
})

async function failure(promise: Promise<unknown>): Promise<CloudError> {
  const outcome = await promise.then(
    () => undefined,
    (error: unknown) => error,
  )
  assert.ok(outcome instanceof CloudError, `expected a CloudError, not ${outcome}`)
  return outcome
}
