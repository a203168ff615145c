import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import { startTestServer, type TestServer } from './support/test-server.ts'

const ROUTES = `
export default async function (app, { sql, documents, transact }) {
  app.get('/shelf', async () => ({ books: await sql().selectFrom('books').selectAll().orderBy('title').execute() }))
  app.post('/shelf', async (request) => {
    const { numInsertedOrUpdatedRows } = await sql().insertInto('books').values(request.body).executeTakeFirst()
    return { added: Number(numInsertedOrUpdatedRows ?? 0) }
  })
  app.get('/mine', async ({ identity }) => documents.find({ collection: 'notes' }, { identity }))
  app.get('/transaction', () => sql().transaction().execute(async () => {}))
}
`

describe('own routes and tables', () => {
  let folder: string
  let server: TestServer
  before(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), 'sampan-own-'))
    await mkdir(path.join(folder, 'migrations'))
    await writeFile(
      path.join(folder, 'migrations/0001-books.sql'),
      'CREATE TABLE books (title VARCHAR(100) NOT NULL PRIMARY KEY, pages INTEGER NOT NULL);\n',
    )
    await writeFile(path.join(folder, 'index.mjs'), ROUTES)
    server = await startTestServer({
      project: { serverRoot: folder, collections: [{ name: 'notes', rules: 'PRIVATE', indexes: [] }] },
    })
  })
  after(async () => {
    await server.close()
    await rm(folder, { recursive: true, force: true })
  })

  it('are served below /app, with typed SQL on the tables of the project’s own migrations', async () => {
    assert.equal((await server.post('/app/shelf', { title: '水浒传', pages: 900 })).status, 200)
    assert.equal((await server.post('/app/shelf', { title: "O'Hara; DROP TABLE books", pages: 1 })).status, 200)
    const { body } = await server.get('/app/shelf')
    assert.deepEqual(body.books, [
      { title: "O'Hara; DROP TABLE books", pages: 1 },
      { title: '水浒传', pages: 900 },
    ])
  })

  it('answer a broken unique key with its own error', async () => {
    const { status, body } = await server.post('/app/shelf', { title: '水浒传', pages: 2 })
    assert.equal(status, 409)
    assert.equal(body.error.code, 'document_exists')
  })

  it('reach documents through the same rules as everybody', async () => {
    const alice = await server.logIn('alice')
    const bob = await server.logIn('bob')
    await server.post('/v1/documents/add', { collection: 'notes', data: { text: 'of alice' } }, alice.token)
    assert.equal((await server.get('/app/mine', alice.token)).body.documents.length, 1)
    assert.equal((await server.get('/app/mine', bob.token)).body.documents.length, 0)
  })

  it('are told that a transaction is a script here', async () => {
    const { status, body } = await server.get('/app/transaction')
    assert.equal(status, 501)
    assert.match(body.error.message, /transaction script/)
  })
})
