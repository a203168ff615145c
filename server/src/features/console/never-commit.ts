/**
 * A database that runs every write and takes it back: for asking the real engine "would this be allowed, and what would
 * it change?" without a second set of rules that might answer differently.
 */
import { type Database, type Script, transactionScript } from '../../database/database.ts'
import { AppError } from '../../errors.ts'
import { insertDocuments, putDocument, removeDocuments, updateDocuments } from '../documents/document-writes.ts'

/** The engine's writes by name: the writer thread finds them here, and nothing else can be run dry. */
const WRITES: Readonly<Record<string, { readonly run: Script<never, unknown> }>> = {
  insertDocuments,
  putDocument,
  removeDocuments,
  updateDocuments,
}

/** Runs the named write, then throws its result: what throws is rolled back. */
export const runAndRollBack = transactionScript(
  import.meta.url,
  'runAndRollBack',
  function* ({ name, args }: { name: string; args: unknown }) {
    const script = WRITES[name]
    if (!script) throw new AppError('not_supported', `${name} cannot be tried.`)
    const dryResult = yield* script.run(args as never) // safe: the engine passed them for this very script
    throw new AppError('internal', 'Tried, and taken back.', { details: { dryResult } })
  },
)

export function neverCommit(database: Database): Database {
  return {
    dialect: database.dialect,
    read: (sql, params, options) => database.read(sql, params, options),
    ping: () => database.ping(),
    stats: () => database.stats(),
    // The database belongs to the server, not to this trial.
    async close() {},
    async transact<Args, Result>(script: { readonly name: string }, args: Args, options?: object): Promise<Result> {
      try {
        await database.transact(runAndRollBack, { name: script.name, args }, options)
      } catch (error) {
        if (error instanceof AppError && error.details && 'dryResult' in error.details) {
          return error.details['dryResult'] as Result // safe: what this script returned
        }
        throw error
      }
      throw new Error('a dry run must end by throwing')
    },
    async define() {},
  }
}
