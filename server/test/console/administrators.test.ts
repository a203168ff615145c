/** The console's SQL on every database, with people who come at the same moment. */
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import type { Database } from '../../src/database/database.ts'
import { migrate } from '../../src/database/migrate.ts'
import { openDatabase } from '../../src/database/open-database.ts'
import { AppError } from '../../src/errors.ts'
import { listAdministrators, listConsoleSessions } from '../../src/features/console/administrator-store.ts'
import { createAdministrators } from '../../src/features/console/administrators.ts'
import { listAudit, recordAudit } from '../../src/features/console/audit-log.ts'
import { createPasswordHasher } from '../../src/features/console/console-password.ts'
import { createSignInLimit } from '../../src/features/console/sign-in-limit.ts'
import { silentLog } from '../database/database-contract.ts'
import { createDatabase, startPrivateMariaDb, startPrivatePostgres } from '../database/private-servers.ts'

const folder = await mkdtemp(path.join(os.tmpdir(), 'sampan-administrators-'))
const mariaDb = await startPrivateMariaDb()
const postgres = await startPrivatePostgres()
after(() => rm(folder, { recursive: true, force: true }))

// biome-ignore format: a table keeps its columns
const DATABASES = [
  { name: 'SQLite',     skip: false as const,                                            url: async () => `sqlite:${path.join(folder, 'app.db')}` },
  { name: 'MariaDB',    skip: mariaDb ? false as const : 'mariadb-server is not installed', url: async () => (mariaDb ? createDatabase(mariaDb, 'console') : '') },
  { name: 'PostgreSQL', skip: postgres ? false as const : 'postgresql is not installed',    url: async () => (postgres ? createDatabase(postgres, 'console') : '') },
]
const VISITOR = { ip: '10.0.0.1', userAgent: 'test' }
const PASSWORD = 'correct horse battery'

for (const { name, skip, url } of DATABASES) {
  describe(`administrators: ${name}`, { skip }, () => {
    let database: Database
    let administrators: ReturnType<typeof createAdministrators>
    before(async () => {
      database = await openDatabase({ url: await url(), timeoutMs: 10_000, log: silentLog })
      const migrations = path.resolve(import.meta.dirname, '../../migrations')
      await migrate(database, { scope: 'core', folder: migrations, appVersion: '1.0.0', log: silentLog })
      administrators = createAdministrators({
        database,
        passwords: createPasswordHasher(2 ** 10),
        limit: createSignInLimit(),
      })
    })
    after(() => database?.close())

    it('makes one account from one invitation, however many open it at once', async () => {
      assert.equal(await administrators.needsSetup(), true)
      const token = await administrators.invite('owner')
      const people = ['Lin', 'Eve', 'Bo', 'Mei']
      const outcomes = await Promise.allSettled(
        people.map((person) => administrators.accept({ token, name: person, password: PASSWORD }, VISITOR)),
      )
      assert.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 1)
      assert.equal((await listAdministrators(database)).length, 1)
      assert.equal(await administrators.needsSetup(), false)
    })

    it('signs in, finds the session, keeps only hashes, and ends it', async () => {
      const [owner] = await listAdministrators(database)
      assert.ok(owner)
      const { token } = await administrators.signIn(owner.name, PASSWORD, VISITOR)
      assert.equal((await administrators.find(token))?.id, owner.id)
      const stored = JSON.stringify([
        await database.read('SELECT * FROM console_sessions'),
        await database.read('SELECT * FROM administrators'),
      ])
      assert.ok(!stored.includes(token) && !stored.includes(PASSWORD))
      assert.ok((await listConsoleSessions(database, owner.id)).length > 0)
      await administrators.signOut(owner.id, token)
      assert.equal(await administrators.find(token), undefined)
    })

    it('ends every session when the password changes, and takes the new one', async () => {
      const [owner] = await listAdministrators(database)
      assert.ok(owner)
      const { token } = await administrators.signIn(owner.name, PASSWORD, VISITOR)
      await assert.rejects(administrators.changePassword(owner, 'wrong', 'another password', VISITOR), AppError)
      await administrators.changePassword(owner, PASSWORD, 'another password', VISITOR)
      assert.equal(await administrators.find(token), undefined)
      await administrators.signIn(owner.name, 'another password', VISITOR)
      await assert.rejects(administrators.signIn(owner.name, PASSWORD, VISITOR), AppError)
    })

    it('writes the audit in any script, newest first', async () => {
      const entry = { actor: '林', action: 'x', target: '集合', details: { a: '😀' }, ip: '::1' }
      for (const atMs of [1, 2, 3]) await recordAudit(database, { ...entry, atMs })
      const listed = await listAudit(database, { beforeMs: 10, limit: 2 })
      assert.deepEqual(
        listed.map(({ atMs, actor, details }) => [atMs, actor, details]),
        [
          [3, '林', '{"a":"😀"}'],
          [2, '林', '{"a":"😀"}'],
        ],
      )
    })
  })
}
