/**
 * The process that E-01 kills: writes as fast as it can and prints the name of each order it was told is durable.
 * Arguments: file, run number, `after-commit` or `too-early` (a deliberate bug: acknowledges before it writes).
 */
import { writeSync } from 'node:fs'
import { openSqlite } from '../../src/database/sqlite/open-sqlite.ts'
import { silentLog } from './database-contract.ts'
import { placeOrder } from './order-scripts.ts'

const WRITERS = 16
const STDOUT = 1

const [file = '', run = '', acknowledge = ''] = process.argv.slice(2)
const database = await openSqlite({ file, timeoutMs: 10_000, readerThreads: 1, log: silentLog })

// A synchronous write: what was printed before the kill is in the pipe.
const print = (order: string) => writeSync(STDOUT, `${order}\n`)

await Promise.all(
  Array.from({ length: WRITERS }, async (_, writer) => {
    for (let n = 0; ; n += 1) {
      const order = `${run}-${writer}-${n}`
      if (acknowledge === 'too-early') print(order)
      await database.transact(placeOrder, order)
      if (acknowledge === 'after-commit') print(order)
    }
  }),
)
