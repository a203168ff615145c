/** SQL and documents in one transaction, from own routes and from functions, on every database. */
import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import {
  createDatabase,
  type PrivateServer,
  startPrivateMariaDb,
  startPrivatePostgres,
} from './database/private-servers.ts'
import { writeProject } from './functions/function-project.ts'
import { startTestServer, type TestServer } from './support/test-server.ts'

const TABLE = 'CREATE TABLE accounts (id VARCHAR(40) NOT NULL PRIMARY KEY, fen INTEGER NOT NULL);\n'

const ROUTES = `
export default async function (app, { sql, documents }) {
  app.post('/buy', async ({ body, identity }) => {
    const { sql: text, parameters } = sql().updateTable('accounts')
      .set((eb) => ({ fen: eb('fen', '-', body.fen) })).where('id', '=', 'shop').where('fen', '>=', body.fen).compile()
    return documents.writeTogether([
      { sql: text, params: parameters, changes: 1 },
      { add: { collection: 'orders', documents: [{ _id: body.id, fen: body.fen }] } },
      { update: { collection: 'stock', id: 'tea', changes: { $inc: { n: -1 } } } },
    ], { identity: { kind: 'function', name: 'routes' } })
  })
  app.get('/accounts', () => sql().selectFrom('accounts').selectAll().execute())
}
`

const FUNCTION = `
  const cloud = require('wx-server-sdk')
  cloud.init()
  exports.main = async ({ id, fen }) => {
    const sql = await cloud.sql()
    const pay = sql.updateTable('accounts').set((eb) => ({ fen: eb('fen', '-', fen) })).where('id', '=', 'shop').where('fen', '>=', fen)
    const outcomes = await cloud.together([
      { query: pay, changes: 1 },
      { add: { collection: 'orders', documents: [{ _id: id, fen }] } },
    ]).catch((error) => error.errMsg)
    const left = await sql.selectFrom('accounts').select('fen').where('id', '=', 'shop').executeTakeFirst()
    return { outcomes, left: left.fen }
  }`

const mariaDb = await startPrivateMariaDb()
const postgres = await startPrivatePostgres()

testSqlBesideDocuments('sqlite', undefined, false)
testSqlBesideDocuments('MariaDB', mariaDb, mariaDb ? false : 'mariadb-server is not installed')
testSqlBesideDocuments('PostgreSQL', postgres, postgres ? false : 'postgresql is not installed')

function testSqlBesideDocuments(name: string, database: PrivateServer | undefined, skip: string | false) {
  describe(`SQL beside documents: ${name}`, { skip }, () => {
    let folder: string
    let functionsRoot: string
    let server: TestServer

    before(async () => {
      folder = await mkdtemp(path.join(os.tmpdir(), 'sampan-sql-'))
      await mkdir(path.join(folder, 'migrations'))
      await writeFile(path.join(folder, 'migrations/0001-accounts.sql'), TABLE)
      await writeFile(path.join(folder, 'migrations/0002-shop.sql'), "INSERT INTO accounts VALUES ('shop', 100);\n")
      await writeFile(path.join(folder, 'index.mjs'), ROUTES)
      functionsRoot = writeProject({
        'buy/index.js': FUNCTION,
        'buy/config.json': JSON.stringify({ sampan: { lightSdk: true } }),
      })
      server = await startTestServer({
        settings: database ? { DATABASE_URL: await createDatabase(database, 'beside') } : {},
        project: {
          serverRoot: folder,
          functionsRoot,
          collections: [
            { name: 'orders', rules: 'ADMINONLY', indexes: [] },
            { name: 'stock', rules: 'ADMINONLY', indexes: [] },
          ],
        },
      })
      const stock = { collection: 'stock', data: { _id: 'tea', n: 5 } }
      await server.post('/v1/documents/add', stock, server.localToken)
    })
    after(async () => {
      await server.close()
      for (const place of [folder, functionsRoot]) await rm(place, { recursive: true, force: true })
    })

    const stored = async () => {
      const orders = await server.post(
        '/v1/documents/find',
        { collection: 'orders', order: { _id: 1 } },
        server.localToken,
      )
      const tea = await server.post('/v1/documents/get', { collection: 'stock', id: 'tea' }, server.localToken)
      const { body: accounts } = await server.get('/app/accounts')
      return {
        orders: orders.body.data.map(({ _id }: { _id: string }) => _id),
        tea: tea.body.data.n,
        fen: accounts[0].fen,
      }
    }

    it('own routes write both or neither', async () => {
      const bought = await server.post('/app/buy', { id: 'a', fen: 30 })
      assert.equal(bought.status, 200, bought.text)
      assert.deepEqual(await stored(), { orders: ['a'], tea: 4, fen: 70 })
      // Too dear: the account stays as it is, and so does everything else.
      const dear = await server.post('/app/buy', { id: 'b', fen: 71 })
      assert.equal(dear.body.error.code, 'transaction_conflict')
      // The order exists: what SQL did before it is undone.
      const twice = await server.post('/app/buy', { id: 'a', fen: 30 })
      assert.equal(twice.body.error.code, 'document_exists')
      assert.deepEqual(await stored(), { orders: ['a'], tea: 4, fen: 70 })
    })

    it('functions do the same through the light SDK, with typed SQL', async () => {
      const { token } = await server.logIn('alice')
      const buy = async (id: string, fen: number) =>
        (await server.post('/v1/functions/buy', { data: { id, fen } }, token)).body.result
      assert.deepEqual(await buy('f', 20), { outcomes: [{ changes: 1, rows: [] }, { ids: ['f'] }], left: 50 })
      const refused = await buy('g', 51)
      assert.match(refused.outcomes, /changed 0 rows instead of 1/)
      assert.equal(refused.left, 50)
      assert.deepEqual((await stored()).orders, ['a', 'f'])
    })
  })
}
