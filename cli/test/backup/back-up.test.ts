import assert from 'node:assert/strict'
import { appendFile, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import { transactionScript } from '@sampan/server/database/database'
import { openSqlite } from '@sampan/server/database/sqlite/open-sqlite'
import { backUp, removeOldBackups, verifyBackup } from '../../src/backup/back-up.ts'

const LOG = { info() {}, warn() {}, error() {} }
const ACCOUNTS = 20
const TOTAL = 1_000 * ACCOUNTS

/** Moves money between two accounts: the sum never changes, in no state that a backup may see. */
export const transfer = transactionScript(
  import.meta.url,
  'transfer',
  function* ({ from, to }: { from: number; to: number }) {
    yield { sql: 'UPDATE accounts SET balance = balance - 7 WHERE id = ?', params: [from] }
    yield { sql: 'UPDATE accounts SET balance = balance + 7 WHERE id = ?', params: [to] }
  },
)

const open = (file: string) => openSqlite({ file, timeoutMs: 10_000, readerThreads: 1, log: LOG })
const sum = async (file: string) => {
  const database = await open(file)
  const [row] = await database.read('SELECT SUM(balance) AS total FROM accounts')
  await database.close()
  return Number(row?.['total'])
}

describe('backup', () => {
  let folder: string
  let dataDir: string
  before(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), 'sampan-backup-'))
    dataDir = path.join(folder, 'data')
    await mkdir(path.join(dataDir, 'files/ab'), { recursive: true })
    await writeFile(path.join(dataDir, 'files/ab/picture'), 'bytes of a picture')
    await writeFile(path.join(dataDir, 'secret.key'), 'must not leave')
  })
  after(() => rm(folder, { recursive: true, force: true }))

  it('is one moment of a database that is being written to, and verifies itself', async () => {
    const database = await open(path.join(dataDir, 'app.db'))
    await database.define('CREATE TABLE accounts (id INTEGER PRIMARY KEY, balance INTEGER NOT NULL)')
    await database.define(
      `INSERT INTO accounts VALUES ${Array.from({ length: ACCOUNTS }, (_, id) => `(${id}, 1000)`).join(',')}`,
    )
    let isWriting = true
    const writers = Array.from({ length: 8 }, async (_, writer) => {
      for (let at = 0; isWriting; at += 1)
        await database.transact(transfer, { from: (at + writer) % ACCOUNTS, to: (at * 3 + 1) % ACCOUNTS })
    })
    const { place } = await backUp(dataDir, path.join(folder, 'out'), new Date(), () => {})
    isWriting = false
    await Promise.all(writers)
    await database.close()

    assert.deepEqual(await verifyBackup(place), [])
    assert.deepEqual((await readdir(place)).sort(), ['app.db', 'files', 'manifest.json'])
    assert.equal(await sum(path.join(place, 'app.db')), TOTAL)
  })

  it('notices changed, missing and extra files', async () => {
    const { place } = await backUp(dataDir, path.join(folder, 'damaged'), new Date(), () => {})
    await appendFile(path.join(place, 'files/ab/picture'), '!')
    await rm(path.join(place, 'app.db'))
    await writeFile(path.join(place, 'surprise'), '')
    assert.deepEqual(await verifyBackup(place), ['missing: app.db', 'changed: files/ab/picture', 'extra: surprise'])
  })

  it('keeps the newest and removes only backups', async () => {
    const out = path.join(folder, 'kept')
    for (const day of ['2026-01-01', '2026-01-02', '2026-01-03']) await backUp(dataDir, out, new Date(day), () => {})
    await mkdir(path.join(out, 'something-else'))
    assert.deepEqual(await removeOldBackups(out, 2), ['2026-01-01T00-00-00-000Z'])
    assert.deepEqual((await readdir(out)).sort(), [
      '2026-01-02T00-00-00-000Z',
      '2026-01-03T00-00-00-000Z',
      'something-else',
    ])
  })

  it('leaves nothing behind when it fails, and says what to do without an embedded database', async () => {
    const out = path.join(folder, 'failed')
    await assert.rejects(
      backUp(path.join(folder, 'nowhere'), out, new Date(), () => {}),
      { name: 'CommandError' },
    )
    await writeFile(path.join(folder, 'not-a-database'), 'x'.repeat(5_000))
    await mkdir(path.join(folder, 'broken'))
    await writeFile(path.join(folder, 'broken/app.db'), 'x'.repeat(5_000))
    await assert.rejects(backUp(path.join(folder, 'broken'), out, new Date(), () => {}))
    assert.deepEqual(await readdir(out), [])
  })
})
