/**
 * The thread that writes: it alone holds a writable connection. Each batch of scripts becomes one transaction with one
 * fsync; a script that fails takes back only its own steps.
 */
import { statSync } from 'node:fs'
import { parentPort, workerData } from 'node:worker_threads'
import { AppError } from '../../errors.ts'
import type { TransactionScript } from '../database.ts'
import { runScript } from './run-script.ts'
import { openSqliteConnection } from './sqlite-connection.ts'
import { isConnectionBroken, toErrorMessage } from './sqlite-errors.ts'
import type { BatchEntry, NewScript, Outcome, ThreadSettings, WriterReply, WriterRequest } from './thread-messages.ts'

/** With nothing to do for this long, the thread moves the log into the database file. */
const IDLE_CHECKPOINT_MS = 200
/** A log smaller than this is left alone. */
const CHECKPOINT_AT_BYTES = 4 * 1024 * 1024

if (!parentPort) throw new Error('writer-thread.ts runs in a worker thread')
const port = parentPort
const { file }: ThreadSettings = workerData

const SAVEPOINT = ['SAVEPOINT script', 'RELEASE script', ['ROLLBACK TO script', 'RELEASE script']] as const
/**
 * Batches that set savepoints after one in which a script failed. A savepoint copies every page that is changed within
 * it, a tenth of a small write. So a batch is tried without, and run again with savepoints if a script fails.
 */
const CAREFUL_BATCHES = 50

type AnyScript = TransactionScript<unknown, unknown>
const scripts = new Map<number, AnyScript | Error>()
let connection = openOrReport()
let carefulBatches = 0
let checkpointTimer: NodeJS.Timeout | undefined

port.on('message', (request: WriterRequest) => void handle(request))

async function handle(request: WriterRequest) {
  clearTimeout(checkpointTimer)
  if (request.kind === 'close') return closeDown()
  if (request.kind === 'define') reply({ kind: 'defined', outcome: attempt(() => connection.exec(request.sql)) })
  else {
    if (request.newScripts.length) await Promise.all(request.newScripts.map(importScript))
    replyBatch(runBatch(request.entries))
  }
  checkpointTimer = setTimeout(checkpoint, IDLE_CHECKPOINT_MS)
}

function openOrReport() {
  try {
    const opened = openSqliteConnection(file, { isReadOnly: false })
    reply({ kind: 'opened' })
    return opened
  } catch (error) {
    reply({ kind: 'not-opened', error: toErrorMessage(error) })
    throw error
  }
}

async function importScript({ id, url, name }: NewScript) {
  try {
    const module: Record<string, unknown> = await import(url)
    const script = module[name]
    if (!isScript(script)) throw new Error(`${url} does not export a transaction script named ${name}`)
    scripts.set(id, script)
  } catch (error) {
    scripts.set(id, error instanceof Error ? error : new Error(String(error)))
  }
}

const isScript = (value: unknown): value is AnyScript =>
  typeof value === 'object' && value !== null && 'run' in value && typeof value.run === 'function'

function runBatch(entries: readonly BatchEntry[]): WriterReply {
  let startedMs = performance.now()
  try {
    connection.control('BEGIN IMMEDIATE')
    const outcomes = (carefulBatches === 0 && runWithoutSavepoints(entries)) || entries.map(runUndoable)
    carefulBatches = outcomes.some(hasFailed) ? CAREFUL_BATCHES : Math.max(0, carefulBatches - 1)
    startedMs = performance.now()
    if (connection.isInTransaction()) connection.control('COMMIT')
    return { kind: 'batch-done', outcomes, commitMs: performance.now() - startedMs }
  } catch (error) {
    // Nobody is acknowledged: not the scripts that went well, because their work was not made durable.
    abandon(error)
    const outcome = { error: toErrorMessage(error) }
    return { kind: 'batch-done', outcomes: entries.map(() => outcome), commitMs: performance.now() - startedMs }
  }
}

const hasFailed = (outcome: Outcome) => 'error' in outcome

/** Undefined if a script failed: then a new transaction has begun, in which nothing has happened yet. */
function runWithoutSavepoints(entries: readonly BatchEntry[]): Outcome[] | undefined {
  try {
    return entries.map((entry) => ({ value: runEntry(entry) }))
  } catch (error) {
    if (!connection.isInTransaction() || isConnectionBroken(error)) throw error
    connection.control('ROLLBACK')
    // The only script of a transaction rolls back everything, which is itself.
    if (entries.length === 1) return [{ error: toErrorMessage(error) }]
    connection.control('BEGIN IMMEDIATE')
    return undefined
  }
}

function runUndoable(entry: BatchEntry): Outcome {
  const [undoPoint, release, undo] = SAVEPOINT
  connection.control(undoPoint)
  let failure: unknown
  try {
    const value = runEntry(entry)
    connection.control(release)
    return { value }
  } catch (error) {
    failure = error
  }
  // A full disk or a broken file makes SQLite give up the whole transaction by itself.
  if (!connection.isInTransaction() || isConnectionBroken(failure)) throw failure
  for (const sql of undo) connection.control(sql)
  return { error: toErrorMessage(failure) }
}

function runEntry({ scriptId, args, timeoutMs }: BatchEntry): unknown {
  const script = scripts.get(scriptId)
  if (!script || script instanceof Error) throw script ?? new Error('unknown script')
  const deadlineMs = performance.now() + timeoutMs
  return runScript(script.run, args, (step) => {
    if (performance.now() > deadlineMs) throw new AppError('deadline_exceeded', 'The transaction took too long.')
    return connection.runStep(step, deadlineMs)
  })
}

/** Rolls back what is left of the transaction; a connection that failed underneath is replaced. */
function abandon(reason: unknown) {
  try {
    if (connection.isInTransaction()) connection.control('ROLLBACK')
    if (!isConnectionBroken(reason)) return
  } catch {
    // the connection is beyond repair: replaced below
  }
  try {
    connection.close()
  } catch {
    // closing a broken connection may fail too; its file handle ends with it
  }
  // If this throws, the thread ends and the main thread starts another.
  connection = openSqliteConnection(file, { isReadOnly: false })
}

function checkpoint() {
  const logBytes = statSync(`${file}-wal`, { throwIfNoEntry: false })?.size ?? 0
  if (logBytes < CHECKPOINT_AT_BYTES) return
  try {
    connection.exec('PRAGMA wal_checkpoint(PASSIVE)')
  } catch {
    // the next commit meets the same trouble and reports it to someone
  }
}

function closeDown() {
  try {
    connection.exec('PRAGMA wal_checkpoint(TRUNCATE)')
  } catch {
    // a reader of another process holds the log: it stays, and is read at the next start
  }
  connection.close()
  reply({ kind: 'closed' })
  port.close()
}

function attempt(work: () => unknown): Outcome {
  try {
    return { value: work() }
  } catch (error) {
    return { error: toErrorMessage(error) }
  }
}

function reply(message: WriterReply) {
  port.postMessage(message)
}

/** A result that cannot cross threads is a mistake in one script: its neighbours still get their answers. */
function replyBatch(message: WriterReply) {
  try {
    reply(message)
  } catch {
    if (message.kind !== 'batch-done') throw new Error('only results can fail to cross threads')
    reply({ ...message, outcomes: message.outcomes.map(whatCanCross) })
  }
}

function whatCanCross(outcome: Outcome): Outcome {
  try {
    return structuredClone(outcome)
  } catch (error) {
    return { error: toErrorMessage(error) }
  }
}
