/** The public documents API over real HTTP: who calls, what they send, what the answer must and must not contain. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { startTestServer, type TestServer } from '../support/test-server.ts'

describe('POST /v1/documents', () => {
  let server: TestServer
  let me: { token: string; openId: string }
  let you: { token: string; openId: string }
  before(async () => {
    const collections = [
      { name: 'notes', rules: 'PRIVATE', indexes: [] },
      { name: 'news', rules: 'ADMINWRITE', indexes: [] },
    ] as const
    server = await startTestServer({ project: { collections, seed: { news: [{ _id: 'n1', title: '早' }] } } })
    me = await server.logIn('me')
    you = await server.logIn('you')
  })
  after(() => server.close())
  const post = (
    verb: string,
    body: unknown,
    token: string | undefined = me.token,
    headers: Record<string, string> = {},
  ) => server.post(`/v1/documents/${verb}`, body, token, headers)

  it('adds, gets, finds, counts, sets, updates and removes', async () => {
    const added = await post('add', { collection: 'notes', data: { n: { $numberInt: '1' }, at: { $date: 5 } } })
    assert.equal(added.status, 200)
    const id = added.body._id
    const got = await post('get', { collection: 'notes', id })
    assert.deepEqual(got.body, { data: { _id: id, n: 1, at: { $date: 5 }, _openid: me.openId } })
    assert.deepEqual((await post('update', { collection: 'notes', id, data: { $inc: { n: 1 } } })).body, { updated: 1 })
    const list = await post('find', { collection: 'notes', query: { n: 2 }, projection: { n: 1 } })
    assert.deepEqual(list.body, { data: [{ _id: id, n: 2 }], skip: 0, limit: 20 })
    assert.deepEqual((await post('count', { collection: 'notes', query: {} })).body, { total: 1 })
    assert.deepEqual((await post('set', { collection: 'notes', id: 'x', data: { n: 3 } })).body, {
      _id: 'x',
      updated: 0,
      created: 1,
    })
    const batch = await post('add', { collection: 'notes', data: [{ n: 4 }, { n: 5 }] })
    assert.equal(batch.body._ids.length, 2)
    const sum = await post('aggregate', {
      collection: 'notes',
      stages: [{ $group: { _id: null, sum: { $sum: '$n' } } }],
    })
    assert.deepEqual(sum.body, { data: [{ _id: null, sum: 14 }] })
    assert.deepEqual((await post('remove', { collection: 'notes', query: {} })).body, { removed: 4 })
  })

  it('answers every refusal with its status, code and CloudBase number', async () => {
    const scenarios: [
      verb: string,
      body: unknown,
      token: string | undefined,
      status: number,
      code: string,
      errCode: number,
    ][] = [
      ['find', { collection: 'nowhere' }, me.token, 404, 'collection_not_found', -502005],
      ['get', { collection: 'notes', id: 'none' }, me.token, 404, 'document_not_found', -1],
      ['find', { collection: 'notes' }, undefined, 401, 'unauthenticated', -401001],
      ['add', { collection: 'news', data: {} }, me.token, 403, 'permission_denied', -502003],
      ['find', { collection: 'notes', query: { n: { $where: '1' } } }, me.token, 400, 'invalid_query', -502001],
      ['update', { collection: 'notes', query: {}, data: { n: 1 } }, me.token, 400, 'invalid_update', -502001],
      ['update', { collection: 'notes', data: { $set: { n: 1 } } }, me.token, 400, 'invalid_query', -502001],
      ['add', { collection: 'notes', data: { 'a.b': 1 } }, me.token, 400, 'invalid_document', -502001],
      ['add', { collection: 'notes', data: [] }, me.token, 400, 'invalid_request', -501007],
      ['find', { collection: 'notes', surprise: 1 }, me.token, 400, 'invalid_request', -501007],
      ['find', { collection: 'notes', limit: -1 }, me.token, 400, 'invalid_request', -501007],
      ['find', { collection: 5 }, me.token, 400, 'invalid_request', -501007],
    ]
    for (const [verb, body, token, status, code, errCode] of scenarios) {
      const answer = await server.post(`/v1/documents/${verb}`, body, token)
      const about = `${verb} ${JSON.stringify(body)}`
      assert.equal(answer.status, status, about)
      assert.equal(answer.body.error.code, code, about)
      assert.equal(answer.body.error.errCode, errCode, about)
      assert.ok(answer.body.error.hint, about)
    }
  })

  it('refuses what is nested a hundred thousand levels deep, wherever it stands', async () => {
    const deep = (depth: number) => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`
    const list = `${'['.repeat(100_000)}${']'.repeat(100_000)}`
    for (const [verb, part] of [
      ['find', `"query":${deep(100_000)}`],
      ['find', `"query":{"a":${list}}`],
      ['find', `"order":${deep(100_000)}`],
      ['find', `"projection":${deep(100_000)}`],
      ['count', `"query":{"$and":[${deep(100_000)}]}`],
      ['get', `"id":${deep(100_000)}`],
      ['add', `"data":${deep(100_000)}`],
      ['set', `"id":"x","data":{"a":${list}}`],
      ['update', `"id":"x","data":{"$set":${deep(100_000)}}`],
      ['update', `"query":${deep(100_000)},"data":{"$set":{"a":1}}`],
      ['remove', `"query":${deep(100_000)}`],
      ['aggregate', `"stages":[{"$match":${deep(100_000)}}]`],
      ['aggregate', `"stages":[{"$project":{"x":${deep(100_000)}}}]`],
      ['aggregate', `"stages":[{"$lookup":{"from":"news","as":"x","pipeline":[{"$match":${deep(100_000)}}]}}]`],
    ] as const) {
      const response = await fetch(`${server.url}/v1/documents/${verb}`, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          authorization: `Bearer ${me.token}`,
          'idempotency-key': `deep ${part.length}`,
        },
        body: `{"collection":"notes",${part}}`,
      })
      assert.equal(response.status, 400, `${verb} ${part.slice(0, 30)}: ${(await response.text()).slice(0, 200)}`)
    }
  })

  it('shows nobody the private records of another', async () => {
    await post('set', { collection: 'notes', id: 'secret', data: { word: 'banana' } })
    for (const [verb, body] of [
      ['find', { collection: 'notes' }],
      ['find', { collection: 'notes', query: { _openid: me.openId } }],
      ['get', { collection: 'notes', id: 'secret' }],
      ['aggregate', { collection: 'notes', stages: [{ $match: { word: 'banana' } }] }],
      ['aggregate', { collection: 'news', stages: [{ $lookup: { from: 'notes', pipeline: [], as: 'x' } }] }],
    ] as const) {
      assert.ok(!(await post(verb, body, you.token)).text.includes('banana'), verb)
    }
    assert.deepEqual(
      (await post('count', { collection: 'notes', query: { word: { $regex: '^b' } } }, you.token)).body,
      { total: 0 },
    )
    assert.deepEqual((await post('remove', { collection: 'notes', id: 'secret' }, you.token)).body, { removed: 0 })
  })

  it('repeats the answer of an Idempotency-Key and refuses other parameters under it', async () => {
    const headers = { 'idempotency-key': 'k-1' }
    const first = await post('add', { collection: 'notes', data: { n: 1 } }, me.token, headers)
    const second = await post('add', { collection: 'notes', data: { n: 1 } }, me.token, headers)
    assert.deepEqual(second.body, first.body)
    const other = await post('add', { collection: 'notes', data: { n: 2 } }, me.token, headers)
    assert.equal(other.body.error.code, 'idempotency_mismatch')
  })
})
