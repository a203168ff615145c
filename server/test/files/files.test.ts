import assert from 'node:assert/strict'
import { readdir } from 'node:fs/promises'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import fc from 'fast-check'
import { checkFilePath, formatFileId, parseFileId } from '../../src/features/files/file-id.ts'
import { jsonOf, startTestServer, type TestServer } from '../support/test-server.ts'

const PNG = Buffer.concat([Buffer.from('89504e470d0a1a0a', 'hex'), Buffer.from('a picture of a boat')])
const LIMIT_BYTES = 64 * 1024

describe('files', () => {
  let server: TestServer
  let alice: string
  let bob: string
  let nowMs = Date.now()
  before(async () => {
    server = await startTestServer({ settings: { UPLOAD_LIMIT_BYTES: String(LIMIT_BYTES) }, now: () => nowMs })
    alice = (await server.logIn('alice')).token
    bob = (await server.logIn('bob')).token
  })
  after(() => server.close())

  const upload = async (cloudPath: string, content: Buffer, token: string | undefined) => {
    const form = new FormData()
    form.append('cloudPath', cloudPath)
    form.append('file', new Blob([new Uint8Array(content)]), 'from-the-phone.bin')
    const response = await fetch(`${server.url}/v1/files`, {
      method: 'POST',
      body: form,
      headers: token ? { authorization: `Bearer ${token}` } : {},
    })
    return { status: response.status, body: await jsonOf(response) }
  }
  const blobs = async () => {
    const entries = await readdir(path.join(server.dataDir, 'files'), { recursive: true, withFileTypes: true })
    return entries.filter((entry) => entry.isFile()).map(({ name }) => name)
  }

  it('gives back the bytes that were put in, at the address that is the file id', async () => {
    const { status, body } = await upload('photos/夏天 1.png', PNG, alice)
    assert.equal(status, 200)
    const response = await fetch(body.fileID)
    assert.equal(response.headers.get('content-type'), 'image/png')
    assert.deepEqual(Buffer.from(await response.arrayBuffer()), PNG)
  })

  it('answers 304 to who has the file already, and one range to who asks for it', async () => {
    const { body } = await upload('photos/cached.png', PNG, alice)
    const first = await fetch(body.fileID)
    await first.arrayBuffer()
    const again = await fetch(body.fileID, { headers: { 'if-none-match': String(first.headers.get('etag')) } })
    assert.equal(again.status, 304)
    const part = await fetch(body.fileID, { headers: { range: 'bytes=8-16' } })
    assert.equal(part.status, 206)
    assert.equal(await part.text(), 'a picture')
  })

  it('keeps the bytes under random names, not under names that a phone chose', async () => {
    await upload('photos/guess-me.png', PNG, alice)
    const names = await blobs()
    assert.ok(names.length > 0)
    assert.ok(names.every((name) => /^[\w-]{24}$/.test(name)))
  })

  it('refuses a file above the limit and leaves nothing behind', async () => {
    const before = await blobs()
    const { status, body } = await upload('big.png', Buffer.concat([PNG, Buffer.alloc(LIMIT_BYTES)]), alice)
    assert.equal(status, 413)
    assert.equal(body.error.code, 'file_too_large')
    assert.deepEqual(await blobs(), before)
  })

  it('judges a file by its first bytes, not by its name', async () => {
    const { body } = await upload('not-really.png', Buffer.from('<script>alert(1)</script>'), alice)
    const response = await fetch(body.fileID)
    assert.equal(response.headers.get('content-type'), 'application/octet-stream')
    assert.equal(response.headers.get('content-disposition'), 'attachment')
    assert.equal(response.headers.get('x-content-type-options'), 'nosniff')
  })

  for (const name of ['page.html', 'drawing.svg', 'code.js']) {
    it(`refuses ${name}, in which a browser would run script`, async () => {
      const { status, body } = await upload(name, Buffer.from('<svg onload="alert(1)"/>'), alice)
      assert.equal(status, 415)
      assert.equal(body.error.code, 'file_type_refused')
    })
  }

  it('lets nobody replace or delete another user’s file', async () => {
    const { body } = await upload('photos/of-alice.png', PNG, alice)
    const replaced = await upload('photos/of-alice.png', Buffer.concat([PNG, PNG]), bob)
    assert.equal(replaced.body.error.code, 'file_forbidden')
    const deleted = await server.post('/v1/files/delete', { fileList: [body.fileID] }, bob)
    assert.equal(deleted.body.fileList[0].status, -503002)
    assert.deepEqual(Buffer.from(await (await fetch(body.fileID)).arrayBuffer()), PNG)
  })

  it('replaces a file of one’s own and removes the old bytes', async () => {
    await upload('photos/mine.png', PNG, bob)
    const before = (await blobs()).length
    const { status, body } = await upload('photos/mine.png', Buffer.concat([PNG, PNG]), bob)
    assert.equal(status, 200)
    assert.equal((await blobs()).length, before)
    assert.equal((await (await fetch(body.fileID)).arrayBuffer()).byteLength, PNG.length * 2)
  })

  it('accepts both styles of file id, and says which ones do not exist', async () => {
    await upload('photos/both.png', PNG, alice)
    const fileList = [
      { fileID: 'cloud://prod.any-bucket/photos/both.png' },
      { fileID: 'cloud://prod.x/none.png' },
      { fileID: 'nonsense' },
    ]
    const { body } = await server.post('/v1/files/links', { fileList }, alice)
    assert.deepEqual(
      body.fileList.map(({ status }: { status: number }) => status),
      [0, -503003, -503003],
    )
    assert.equal((await fetch(body.fileList[0].tempFileURL)).status, 200)
  })

  it('ends a temporary link when its time is over, and refuses one that was altered', async () => {
    const { body: uploaded } = await upload('photos/temporary.png', PNG, alice)
    const { body } = await server.post(
      '/v1/files/links',
      { fileList: [{ fileID: uploaded.fileID, maxAgeSeconds: 60 }] },
      alice,
    )
    const url: string = body.fileList[0].tempFileURL
    assert.equal((await fetch(url)).status, 200)
    assert.equal((await fetch(url.replace('temporary', 'cached'))).status, 403)
    nowMs += 62_000
    const late = await fetch(url)
    assert.equal(late.status, 403)
    assert.equal((await jsonOf(late)).error.code, 'file_link_expired')
  })

  it('needs a user for uploads, links and deletions', async () => {
    assert.equal((await upload('x.png', PNG, undefined)).status, 401)
    assert.equal((await server.post('/v1/files/links', { fileList: [{ fileID: 'x' }] })).status, 401)
    assert.equal((await server.post('/v1/files/delete', { fileList: ['x'] })).status, 401)
  })

  it('stores an upload that came with a ticket, once per use of a fresh ticket and never with a forged one', async () => {
    const { files } = server.server.resources
    const { ticket, fileId } = files.createUploadTicket('from-a-function.png', { kind: 'key', keyId: 'k' })
    const put = (text: string) =>
      fetch(`${server.url}/cloud-upload?ticket=${encodeURIComponent(text)}`, {
        method: 'PUT',
        body: new Uint8Array(PNG),
      })
    assert.equal((await put(ticket)).status, 204)
    assert.equal((await fetch(fileId)).status, 200)
    const forged = await put(`${ticket.slice(0, -2)}AA`)
    assert.equal(forged.status, 403)
    assert.match(await forged.text(), /^<Error><Code>file_link_expired<\/Code>/)
  })
})

describe('private files', () => {
  it('are read with a signed link only', async () => {
    const server = await startTestServer({ settings: { FILE_ACCESS: 'private' } })
    try {
      const { files } = server.server.resources
      const { Readable } = await import('node:stream')
      const { fileId } = await files.upload({
        path: 'secret.png',
        content: Readable.from([PNG]),
        caller: { kind: 'key', keyId: 'k' },
      })
      assert.equal((await fetch(fileId)).status, 403)
      const [link] = await files.links([{ fileId }])
      assert.equal((await fetch(String(link?.url))).status, 200)
    } finally {
      await server.close()
    }
  })
})

describe('file ids', () => {
  const settings = { publicUrl: 'https://api.example.com', env: 'prod' }
  const acceptable = fc
    .array(fc.stringMatching(/^[^/\u0000-\u001f\u007f\\?#.][^/\u0000-\u001f\u007f\\?#]*$/u), {
      minLength: 1,
      maxLength: 4,
    })
    .map((parts) => parts.join('/'))

  for (const style of ['https', 'cloud'] as const) {
    it(`lead back to the path they were made from, in ${style} style`, () => {
      fc.assert(
        fc.property(acceptable, (text) => {
          fc.pre(text.isWellFormed())
          assert.equal(parseFileId(formatFileId(text, { ...settings, style })), text)
        }),
      )
    })
  }

  for (const bad of [
    '',
    '/etc/passwd',
    '../secret',
    'a/../../b',
    'a//b',
    './a',
    'a\u0000b',
    'a\\..\\b',
    'a?b',
    `${'x'.repeat(1000)}`,
    '\ud800',
  ]) {
    it(`refuse the path ${JSON.stringify(bad.slice(0, 20))}`, () => {
      assert.throws(() => checkFilePath(bad), { code: 'invalid_request' })
    })
  }
})
