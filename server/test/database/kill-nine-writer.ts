/**
 * The process that E-01 kills: writes as fast as it can and notes the name of each order it was told is durable.
 * Arguments: database file, file for the notes, run number, and what to do:
 * `after-commit`; `too-early`, a deliberate bug: acknowledges before it writes; `warm-up`: ends by itself, so that Node
 * keeps what it compiled for those that are killed.
 */
import { openSync, writeSync } from 'node:fs'
import { openSqlite } from '../../src/database/sqlite/open-sqlite.ts'
import { silentLog } from './database-contract.ts'
import { placeOrder } from './order-scripts.ts'

const WRITERS = 16

const [file = '', notes = '', run = '', acknowledge = ''] = process.argv.slice(2)
const database = await openSqlite({ file, timeoutMs: 10_000, readerThreads: 1, log: silentLog })

// Handed to the kernel before it returns, so that a kill cannot take it back.
const notesFile = openSync(notes, 'a')
const note = (order: string) => writeSync(notesFile, `${order}\n`)

if (acknowledge === 'warm-up') {
  await database.transact(placeOrder, 'warm-up')
  await database.close()
  process.exit()
}

process.stdout.write('writing\n')
await Promise.all(
  Array.from({ length: WRITERS }, async (_, writer) => {
    for (let n = 0; ; n += 1) {
      const order = `${run}-${writer}-${n}`
      if (acknowledge === 'too-early') note(order)
      await database.transact(placeOrder, order)
      if (acknowledge === 'after-commit') note(order)
    }
  }),
)
