import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, describe, it } from 'node:test'
import { pathToFileURL } from 'node:url'
import { openDatabase } from '../../src/database/open-database.ts'
import { failsWith, silentLog } from './database-contract.ts'

const folder = await mkdtemp(path.join(tmpdir(), 'sampan-open-'))
after(() => rm(folder, { recursive: true, force: true }))

const open = (url: string) => openDatabase({ url, timeoutMs: 2_000, log: silentLog })

describe('DATABASE_URL', () => {
  it('takes a file in every way of writing it, and makes its folder', async () => {
    const file = path.join(folder, 'some where', 'app.db')
    const relative = path.relative(process.cwd(), file)
    const urls = [`sqlite:${file}`, `sqlite:${relative}`, `sqlite://${file}`, pathToFileURL(file).href]
    const first = await open(`sqlite:${file}`)
    await first.define('CREATE TABLE same_file (a BIGINT)')
    await first.close()
    for (const url of urls) {
      const database = await open(url)
      assert.deepEqual(await database.read('SELECT a FROM same_file'), [], url)
      await database.close()
    }
  })

  it('refuses a database in memory, which threads could not share', async () => {
    await assert.rejects(open('sqlite::memory:'), /is not a file/)
  })

  it('refuses another scheme without repeating the URL, which may hold a password', async () => {
    await assert.rejects(open('mongodb://root:secret@localhost/x'), (error: Error) => !error.message.includes('secret'))
  })

  for (const scheme of ['mysql', 'postgres'])
    it(`says at once that no ${scheme} server listens there`, async () => {
      await assert.rejects(open(`${scheme}://root:secret@127.0.0.1:1/x`), failsWith('database_unavailable'))
    })
})
