/** What `migrate` must do on every database. `open(name)` opens the database of that name, again and again. */
import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import type { Database, DatabaseLog } from '../../src/database/database.ts'
import { migrate } from '../../src/database/migrate.ts'
import { silentLog } from './database-contract.ts'

const CORE_FOLDER = path.resolve(import.meta.dirname, '../../migrations')

export function testMigrations(name: string, open: (name: string) => Promise<Database>, skip: string | false = false) {
  describe(`migrations: ${name}`, { skip }, () => {
    let root: string
    const opened: Database[] = []
    before(async () => {
      root = await mkdtemp(path.join(tmpdir(), 'sampan-migrations-'))
    })
    after(async () => {
      await Promise.all(opened.map((database) => database.close()))
      await rm(root, { recursive: true, force: true })
    })

    /** Another "process": its own connections to the database of that name. */
    const connect = async (databaseName: string) => {
      const database = await open(databaseName)
      opened.push(database)
      return database
    }

    const folderWith = async (folderName: string, files: Record<string, string>) => {
      const folder = path.join(root, folderName)
      await rm(folder, { recursive: true, force: true })
      await mkdir(folder, { recursive: true })
      for (const [file, sql] of Object.entries(files)) await writeFile(path.join(folder, file), sql)
      return folder
    }

    const run = (database: Database, folder: string, appVersion = '1.0.0', log: DatabaseLog = silentLog) =>
      migrate(database, { scope: 'project', folder, appVersion, log })

    const FIRST = { '0001-first.sql': "CREATE TABLE boats (name VARCHAR(40)); INSERT INTO boats VALUES ('a;b');" }

    it("lays down the server's own tables", async () => {
      const database = await connect('core')
      const settings = { scope: 'core', folder: CORE_FOLDER, appVersion: '1.0.0', log: silentLog } as const
      const { applied } = await migrate(database, settings)
      assert.equal(applied[0], '0001-core.sql')
      assert.deepEqual(await database.read('SELECT * FROM sessions'), [])
      assert.deepEqual((await migrate(database, settings)).applied, [])
    })

    it('runs what is new, once, in order', async () => {
      const database = await connect('order')
      const folder = await folderWith('order', {
        ...FIRST,
        '0002-second.sql': "INSERT INTO boats VALUES ('second');",
      })
      assert.deepEqual(await run(database, folder), { applied: ['0001-first.sql', '0002-second.sql'] })
      assert.deepEqual(await run(database, folder), { applied: [] })
      assert.deepEqual(await database.read('SELECT name FROM boats ORDER BY name'), [
        { name: 'a;b' },
        { name: 'second' },
      ])
    })

    it('runs each migration once when two processes start at the same time', async () => {
      const [one, two] = await Promise.all([connect('race'), connect('race')])
      const folder = await folderWith('race', FIRST)
      const outcomes = await Promise.all([run(one, folder), run(two, folder)])
      assert.equal(outcomes.flatMap(({ applied }) => applied).length, 1)
      assert.deepEqual(await one.read('SELECT name FROM boats'), [{ name: 'a;b' }])
    })

    it('refuses a migration that was edited after it ran', async () => {
      const database = await connect('edited')
      await run(database, await folderWith('edited', FIRST))
      const edited = await folderWith('edited', { '0001-first.sql': 'CREATE TABLE boats (name VARCHAR(41));' })
      await assert.rejects(run(database, edited), /0001-first\.sql was changed after it had been applied/)
    })

    it('does not take other line ends for an edit', async () => {
      const database = await connect('windows')
      await run(database, await folderWith('windows', { '0001-a.sql': '-- a\nCREATE TABLE t1 (a BIGINT);\n' }))
      const folder = await folderWith('windows', { '0001-a.sql': '-- a\r\nCREATE TABLE t1 (a BIGINT);\r\n' })
      assert.deepEqual(await run(database, folder), { applied: [] })
    })

    it('refuses a newer breaking schema and names the version it needs', async () => {
      const database = await connect('breaking')
      const newer = await folderWith('breaking', {
        ...FIRST,
        '0002-gone.sql': '-- breaking: boats have new names\nDROP TABLE boats;',
      })
      await run(database, newer, '3.1.4')
      await assert.rejects(run(database, await folderWith('breaking', FIRST)), /0002-gone\.sql.*3\.1\.4 or later/)
    })

    it('warns of a newer harmless schema and goes on', async () => {
      const database = await connect('harmless')
      const newer = await folderWith('harmless', { ...FIRST, '0002-more.sql': 'CREATE TABLE more (a BIGINT);' })
      await run(database, newer, '3.1.4')
      const warnings: object[] = []
      const log = { ...silentLog, warn: (fields: object) => void warnings.push(fields) }
      await run(database, await folderWith('harmless', FIRST), '1.0.0', log)
      assert.deepEqual(warnings, [{ migration: '0002-more.sql', fromVersion: '3.1.4' }])
    })

    it('says which statement failed, and does not note the migration', async () => {
      const database = await connect('failed')
      const wrong = await folderWith('failed', {
        '0001-a.sql': 'CREATE TABLE made (a BIGINT); INSERT INTO missing VALUES (1);',
      })
      await assert.rejects(run(database, wrong), /0001-a\.sql failed at statement 2 of 2/)
      if (database.dialect.name !== 'mysql') await assert.rejects(database.read('SELECT * FROM made'))
      const right = await folderWith('failed', { '0001-a.sql': 'CREATE TABLE IF NOT EXISTS made (a BIGINT);' })
      assert.deepEqual(await run(database, right), { applied: ['0001-a.sql'] })
    })

    it('prefers the text for its own database and leaves that of others alone', async () => {
      const database = await connect('variants')
      const others = ['sqlite', 'mysql', 'postgres'].filter((dialect) => dialect !== database.dialect.name)
      const folder = await folderWith('variants', {
        '0001-a.sql': 'not for this one',
        [`0001-a.${database.dialect.name}.sql`]: 'CREATE TABLE mine (a BIGINT);',
        [`0002-b.${others[0]}.sql`]: 'not for this one',
      })
      assert.deepEqual(await run(database, folder), { applied: [`0001-a.${database.dialect.name}.sql`] })
    })

    it('refuses names and numbers that would make the order unclear', async () => {
      const database = await connect('names')
      await assert.rejects(run(database, await folderWith('names', { 'add-boats.sql': '' })), /named like 0007/)
      const twice = await folderWith('names', { '0001-a.sql': '', '0001-b.sql': '' })
      await assert.rejects(run(database, twice), /same number/)
      assert.deepEqual(await run(database, path.join(root, 'missing')), { applied: [] })
    })
  })
}
