import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import { startTestServer, type TestServer } from '../../../server/test/support/test-server.ts'
import { writeCollectionSettings } from '../../src/cloudbase/collection-settings.ts'
import { exportCollections, exportFiles, listCollections } from '../../src/cloudbase/export-data.ts'
import { importCollections, importFiles } from '../../src/cloudbase/import-data.ts'

const BUCKET = 'prod-1a2b.7072-prod-1a2b'
const MANY = 600

describe('export to CloudBase and import from it', () => {
  let folder: string
  let from: TestServer
  let to: TestServer
  before(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), 'sampan-round-trip-'))
    from = await startTestServer()
    to = await startTestServer()
  })
  after(async () => {
    await from.close()
    await to.close()
    await rm(folder, { recursive: true, force: true })
  })

  const local = (server: TestServer) => ({ url: server.url, token: server.localToken, pid: process.pid })
  const options = (server: TestServer, isDryRun = false) => ({
    server: local(server),
    isDryRun,
    bucket: BUCKET,
    publicUrl: to.url,
    env: 'prod',
    onProgress: () => {},
  })
  const ask = async (server: TestServer, path: string, body: object) => {
    const { status, body: answer } = await server.post(path, body, server.localToken)
    assert.equal(status, 200, JSON.stringify(answer))
    return answer
  }
  const all = async (server: TestServer, collection: string) => {
    const data: { _id: unknown }[] = []
    for (let skip = 0; ; skip += 500) {
      const page = await ask(server, '/v1/documents/find', { collection, order: { _id: 1 }, skip, limit: 500 })
      data.push(...page.data)
      if (page.data.length < 500) return data
    }
  }

  it('brings every record, rule, index and file back as it was', async () => {
    const rules = { read: true, write: 'doc._openid == auth.openid' }
    const indexes = [
      { fields: { at: -1, kind: 1 } },
      { fields: { place: '2dsphere' } },
      { fields: { no: 1 }, unique: true },
    ]
    await ask(from, '/v1/documents/collections', { name: 'posts', rules, indexes })
    await ask(from, '/v1/documents/collections', { name: 'mixed', rules: 'READONLY' })
    const form = new FormData()
    form.append('cloudPath', '照片/夏 1.txt')
    form.append('file', new Blob(['a boat']), 'x.txt')
    const uploaded = await fetch(`${from.url}/v1/files`, {
      method: 'POST',
      body: form,
      headers: { authorization: `Bearer ${from.localToken}` },
    })
    const { fileID } = (await uploaded.json()) as { fileID: string }
    const posts = [
      {
        _id: 'a',
        _openid: 'oAnna',
        at: { $date: 1 },
        no: 1,
        cover: fileID,
        deep: [{ at: { $date: 5 } }],
        nothing: null,
      },
      {
        _id: 'b',
        no: 2,
        place: { type: 'Point', coordinates: [113.3, 23.1] },
        big: { $numberLong: '9007199254740993' },
      },
    ]
    await ask(from, '/v1/documents/add', { collection: 'posts', data: posts })
    // More than a page of each kind of _id: none of them may end the others.
    const mixed = Array.from({ length: MANY }, (_, n) => [{ _id: n }, { _id: `s${n}` }]).flat()
    for (let at = 0; at < mixed.length; at += 400)
      await ask(from, '/v1/documents/add', { collection: 'mixed', data: mixed.slice(at, at + 400) })

    const out = path.join(folder, 'out')
    const collections = await listCollections(local(from))
    await exportCollections(path.join(out, 'collections'), collections, options(from, true))
    assert.equal(existsSync(out), false)
    const written = await exportCollections(path.join(out, 'collections'), collections, options(from))
    assert.deepEqual(written, [
      { collection: 'mixed', documents: 2 * MANY },
      { collection: 'posts', documents: 2 },
    ])
    assert.equal(await exportFiles(path.join(out, 'files'), options(from)), 1)
    await writeCollectionSettings(out, collections, 'zh')
    const lines = await readFile(path.join(out, 'collections/posts.json'), 'utf8')
    assert.ok(
      lines.includes(`cloud://${BUCKET}/照片/夏 1.txt`) && lines.includes('{"$date":"1970-01-01T00:00:00.001Z"}'),
    )
    const notes = await readFile(path.join(out, 'collection-settings.md'), 'utf8')
    assert.ok(notes.includes('READONLY(') || notes.includes('READONLY ('), notes)

    const imported = await importCollections(path.join(out, 'collections'), options(to))
    assert.deepEqual(
      imported.map(({ collection, read, added, problems }) => [collection, read, added, problems.length]),
      [
        ['mixed', 2 * MANY, 2 * MANY, 0],
        ['posts', 2, 2, 0],
      ],
    )
    assert.deepEqual(await importFiles(path.join(out, 'files'), options(to)), { uploaded: 1, problems: [] })
    assert.deepEqual(await listCollections(local(to)), collections)
    assert.deepEqual(await all(to, 'mixed'), await all(from, 'mixed'))
    const cover = fileID.replace(from.url, to.url)
    assert.deepEqual(await all(to, 'posts'), [
      { ...(await all(from, 'posts'))[0], cover },
      (await all(from, 'posts'))[1],
    ])
    assert.equal(await (await fetch(cover)).text(), 'a boat')
  })

  it('replaces when it is done again, so that nothing is doubled', async () => {
    const again = await importCollections(path.join(folder, 'out/collections'), options(to))
    assert.deepEqual(
      again.map(({ added, replaced }) => [added, replaced]),
      [
        [0, 2 * MANY],
        [0, 2],
      ],
    )
    assert.equal((await all(to, 'mixed')).length, 2 * MANY)
  })
})
