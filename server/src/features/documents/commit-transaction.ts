/** The script that ends an interactive transaction: checks that nothing it read has changed, then writes what it wrote. */
import { type SqlStep, type SqlValue, type StepResult, transactionScript } from '../../database/database.ts'
import { AppError } from '../../errors.ts'

/** A record as the transaction saw it first, and what it leaves. `table` is quoted. */
export type CommitEntry = {
  readonly table: string
  readonly key: string
  /** Undefined if the record was not there. */
  readonly seen: { readonly seq: SqlValue; readonly rev: number } | undefined
  /** Undefined: only read. Null: removed. */
  readonly text: string | null | undefined
}

export const commitEntries = transactionScript(
  import.meta.url,
  'commitEntries',
  function* ({ entries, lock }: { entries: readonly CommitEntry[]; lock: string }) {
    for (const entry of entries) yield* check(entry, lock)
    for (const entry of entries) yield* write(entry)
  },
)

function* check({ table, key, seen }: CommitEntry, lock: string): Generator<SqlStep, void, StepResult> {
  const found = yield { sql: `SELECT seq, rev FROM ${table} WHERE _id = ?${lock}`, params: [key], want: 'rows' }
  const [row] = found.rows
  const isSame = seen ? row && String(row['seq']) === String(seen.seq) && Number(row['rev']) === seen.rev : !row
  if (!isSame) throw new AppError('transaction_conflict', 'Another request changed a record of this transaction.')
}

function* write({ table, key, seen, text }: CommitEntry): Generator<SqlStep, void, StepResult> {
  if (text === undefined) return
  if (!seen) {
    if (text !== null) yield { sql: `INSERT INTO ${table} (_id, doc) VALUES (?, ?)`, params: [key, text] }
  } else if (text === null) yield { sql: `DELETE FROM ${table} WHERE seq = ?`, params: [seen.seq] }
  else yield { sql: `UPDATE ${table} SET doc = ?, rev = rev + 1 WHERE seq = ?`, params: [text, seen.seq] }
}
