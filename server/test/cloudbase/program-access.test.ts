import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { after, before, describe, it } from 'node:test'
import { startTestServer, type TestServer } from '../support/test-server.ts'

describe('the /admin door, for other programs', () => {
  let server: TestServer
  let key: { secretId: string; secretKey: string }
  const require = createRequire(import.meta.url)

  before(async () => {
    server = await startTestServer({})
    const { body } = await server.post('/v1/keys', { label: 'reports' }, server.localToken)
    key = body
  })
  after(() => server.close())

  const app = (credentials: Record<string, string>) =>
    require('@cloudbase/node-sdk').init({ env: 'prod', serviceUrl: `${server.url}/admin`, ...credentials })

  it('lets the real @cloudbase/node-sdk in with a key', async () => {
    const db = app(key).database()
    await db.createCollection('reports')
    const { id } = await db.collection('reports').add({ text: '中文', n: 1 })
    const { data } = await db.collection('reports').doc(id).get()
    assert.deepEqual(data, [{ _id: id, text: '中文', n: 1 }])
    const changed = await db
      .collection('reports')
      .where({ n: 1 })
      .updateAndReturn({ n: db.command.inc(1) })
    assert.equal(changed.doc.n, 2)
    const { fileID } = await app(key).uploadFile({ cloudPath: 'report.txt', fileContent: Buffer.from('42') })
    assert.equal(String((await app(key).downloadFile({ fileID })).fileContent), '42')
  })

  it('answers aggregations as the oldest node-sdk reads them', async () => {
    const stages = [{ stageKey: '$group', stageValue: '{"_id":null,"n":{"$sum":"$n"}}' }]
    const response = await fetch(`${server.url}/admin`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${key.secretId}.${key.secretKey}` },
      body: JSON.stringify({ action: 'database.aggregate', collectionName: 'reports', stages }),
    })
    const { data } = (await response.json()) as { data: { list: string } }
    const list = JSON.parse(data.list) as string[]
    assert.deepEqual(
      list.map((text) => JSON.parse(text)),
      [{ _id: null, n: 2 }],
    )
  })

  it('copies and moves files', async () => {
    const cloud = app(key)
    const copy = async (...fileList: object[]) => (await cloud.copyFile({ fileList })).fileList
    const read = async (path: string) =>
      String((await cloud.downloadFile({ fileID: `cloud://prod.x/${path}` })).fileContent)
    await cloud.uploadFile({ cloudPath: 'a/menu.txt', fileContent: Buffer.from('tea') })
    const [copied, moved] = await copy(
      { srcPath: 'a/menu.txt', dstPath: 'b/menu.txt' },
      { srcPath: 'a/menu.txt', dstPath: 'c/menu.txt', removeOriginal: true },
    )
    assert.match(copied.fileId, /b\/menu\.txt$/)
    assert.match(moved.fileId, /c\/menu\.txt$/)
    assert.deepEqual([await read('b/menu.txt'), await read('c/menu.txt')], ['tea', 'tea'])
    const refused = await copy(
      { srcPath: 'a/menu.txt', dstPath: 'd/menu.txt' },
      { srcPath: 'b/menu.txt', dstPath: 'c/menu.txt', overwrite: false },
    )
    assert.deepEqual(
      refused.map(({ code }: { code: string }) => code),
      ['STORAGE_FILE_NONEXIST', 'STORAGE_REQUEST_FAIL'],
    )
  })

  it('tells what a user may do with files', async () => {
    const alice = await server.logIn('alice')
    const form = new FormData()
    form.append('cloudPath', 'alice/note.txt')
    form.append('file', new Blob(['mine']), 'note.txt')
    await fetch(`${server.url}/v1/files`, {
      method: 'POST',
      body: form,
      headers: { authorization: `Bearer ${alice.token}` },
    })
    // The SDK asks only inside a function, for the user who called it; here the action is sent as it would send it.
    const ask = async (openId: string, type: string) => {
      const fileList = [{ path: 'alice/note.txt', type }]
      const response = await fetch(`${server.url}/admin`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${key.secretId}.${key.secretKey}` },
        body: JSON.stringify({ action: 'storage.getFileAuthority', openId, fileList }),
      })
      const { data } = (await response.json()) as { data: { read: boolean }[] }
      return data[0]?.read
    }
    assert.deepEqual(
      [await ask(alice.openId, 'WRITE'), await ask('oSomebodyElse', 'WRITE'), await ask('oSomebodyElse', 'READ')],
      [true, false, true],
    )
  })

  it('tells facts about users, and calls functions for nobody', async () => {
    const { openId } = await server.logIn('alice')
    const { userInfo } = await app(key).auth().getEndUserInfo(openId)
    assert.equal(userInfo.openId, openId)
    await assert.rejects(app(key).auth().getEndUserInfo('nobody'), { code: 'INVALID_PARAM' })
    await assert.rejects(app(key).callFunction({ name: 'none' }), { code: 'FUNCTION_NOT_FOUND' })
  })

  it('takes secretId.secretKey as a bearer token', async () => {
    const db = app({ accessKey: `${key.secretId}.${key.secretKey}` }).database()
    assert.equal((await db.collection('reports').count()).total, 1)
  })

  it('refuses wrong keys, unknown keys and revoked keys', async () => {
    const count = (credentials: Record<string, string>) => app(credentials).database().collection('reports').count()
    const refused = { code: 'SIGN_PARAM_INVALID' }
    await assert.rejects(count({ ...key, secretKey: key.secretKey.replace(/^./, 'x') }), refused)
    await assert.rejects(count({ ...key, secretId: 'AKIDunknown' }), refused)
    await assert.rejects(count({ accessKey: `${key.secretId}.wrong` }), refused)
    const { body } = await server.post('/v1/keys', { label: '' }, server.localToken)
    await count(body)
    await fetch(`${server.url}/v1/keys/${body.secretId}`, {
      method: 'DELETE',
      headers: { authorization: `Bearer ${server.localToken}` },
    })
    await assert.rejects(count(body), refused)
  })

  it('refuses signatures that are old, or do not cover every field', async () => {
    const { sign } = require('@cloudbase/signature-nodejs')
    const url = `${server.url}/admin?env=prod`
    const send = async (params: object, body: object, timestamp = Math.floor(Date.now() / 1000)) => {
      const headers = { 'content-type': 'application/json', host: new URL(url).host }
      const { authorization } = sign({
        ...key,
        method: 'post',
        url,
        headers,
        params,
        withSignedParams: true,
        timestamp,
      })
      const response = await fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization, 'x-timestamp': String(timestamp) },
        body: JSON.stringify(body),
      })
      return ((await response.json()) as { code?: string }).code
    }
    const count = { action: 'database.calculateDocument', collectionName: 'reports', query: '{"n":{"$gt":0}}' }
    assert.equal(await send(count, count), undefined)
    assert.equal(await send(count, { ...count, transactionId: 'added' }), 'SIGN_PARAM_INVALID')
    assert.equal(await send(count, { ...count, query: '{}' }), 'SIGN_PARAM_INVALID')
    assert.equal(await send(count, count, Math.floor(Date.now() / 1000) - 700), 'SIGN_PARAM_INVALID')
    assert.equal(await send(count, count, Math.floor(Date.now() / 1000) + 700), 'SIGN_PARAM_INVALID')
  })

  it('gives nothing to who has neither key nor worker', async () => {
    const anonymous = await server.post('/admin', { action: 'database.addCollection', collectionName: 'x' })
    assert.equal(anonymous.status, 200)
    assert.equal(anonymous.body.code, 'SIGN_PARAM_INVALID')
    const forged = await server.post('/admin', { action: 'database.addCollection', sessionToken: 'guess' })
    assert.equal(forged.body.code, 'SIGN_PARAM_INVALID')
    const user = await server.logIn('mallory')
    const withSession = await server.post('/admin', { action: 'database.addCollection' }, user.token)
    assert.equal(withSession.body.code, 'SIGN_PARAM_INVALID')
    assert.equal((await server.post('/v1/keys', { label: '' }, user.token)).status, 403)
  })
})
