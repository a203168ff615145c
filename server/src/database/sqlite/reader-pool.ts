/**
 * Reader threads for SELECTs that may take long. Threads start when they are needed. A statement is stopped by its
 * deadline guard; a thread that does not answer in time all the same is given up and replaced.
 */
import type { Worker } from 'node:worker_threads'
import { AppError } from '../../errors.ts'
import type { DatabaseLog, DatabaseStats, Row, SqlValue } from '../database.ts'
import { fromErrorMessage } from './sqlite-errors.ts'
import { type ReaderReply, type ReaderRequest, startThread } from './thread-messages.ts'

/** Reads that may wait for a thread; beyond this the server sheds load at once. */
const QUEUED_READS_MAX = 256
/** Time beyond the deadline in which the guard should have stopped the statement. */
const GRACE_MS = 250
/** A thread without work for this long ends and gives its 15 MB back. */
const IDLE_MS = 60_000
/** Threads given up that still run: SQLite cannot be interrupted from outside, so their number must be bounded. */
const ABANDONED_THREADS_MAX = 4

type Read = {
  readonly sql: string
  readonly params: readonly SqlValue[]
  readonly deadlineMs: number
  readonly resolve: (rows: Row[]) => void
  readonly reject: (error: unknown) => void
  /** At the deadline, then at the end of the grace. */
  timer: NodeJS.Timeout | undefined
}
type Reader = {
  readonly thread: Worker
  isReady: boolean
  work: Read | undefined
  idleTimer: NodeJS.Timeout | undefined
}
type Settings = {
  readonly file: string
  readonly threads: number
  readonly log: DatabaseLog
  readonly idleMs?: number
}

export class ReaderPool {
  readonly #settings: Settings
  readonly #readers = new Set<Reader>()
  readonly #waiting: Read[] = []
  #abandoned = 0
  #onIdle: (() => void) | undefined

  constructor(settings: Settings) {
    this.#settings = settings
  }

  read(sql: string, params: readonly SqlValue[], timeoutMs: number): Promise<Row[]> {
    if (this.#onIdle) return Promise.reject(new AppError('shutting_down', 'The database is being closed.'))
    if (this.#waiting.length >= QUEUED_READS_MAX || this.#abandoned >= ABANDONED_THREADS_MAX)
      return Promise.reject(
        new AppError('overloaded', 'Too many long reads are waiting.', { details: { retryAfterSeconds: 1 } }),
      )
    return new Promise((resolve, reject) => {
      const read: Read = { sql, params, deadlineMs: performance.now() + timeoutMs, resolve, reject, timer: undefined }
      read.timer = setTimeout(() => this.#onDeadline(read), timeoutMs)
      this.#waiting.push(read)
      this.#dispatch()
    })
  }

  get threads(): number {
    return this.#readers.size
  }

  stats(): Pick<DatabaseStats, 'queuedReads' | 'busyReaders'> {
    return { queuedReads: this.#waiting.length, busyReaders: this.#busy().length }
  }

  /** Finishes the reads that were begun or wait. */
  async close(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#onIdle = resolve
      this.#settleIfIdle()
    })
    await Promise.all([...this.#readers].map(({ thread }) => thread.terminate()))
  }

  #busy = () => [...this.#readers].filter(({ work }) => work)

  #settleIfIdle() {
    if (this.#waiting.length === 0 && this.#busy().length === 0) this.#onIdle?.()
  }

  #dispatch() {
    for (const reader of this.#readers) if (reader.isReady && !reader.work) this.#giveNext(reader)
    const starting = [...this.#readers].filter(({ isReady }) => !isReady).length
    const isRoom = this.#readers.size < this.#settings.threads
    if (isRoom && this.#waiting.length > starting) this.#start()
    this.#settleIfIdle()
  }

  #giveNext(reader: Reader) {
    const read = this.#waiting.shift()
    if (!read) return
    const { sql, params, deadlineMs } = read
    try {
      const request: ReaderRequest = { sql, params, timeoutMs: deadlineMs - performance.now() }
      reader.thread.postMessage(request)
      reader.work = read
      clearTimeout(reader.idleTimer)
    } catch (error) {
      clearTimeout(read.timer)
      read.reject(error) // a parameter that cannot cross threads
      this.#giveNext(reader)
    }
  }

  #start() {
    const thread = startThread('reader-thread', { file: this.#settings.file })
    const reader: Reader = { thread, isReady: false, work: undefined, idleTimer: undefined }
    thread.on('message', (reply: ReaderReply) => this.#receive(reader, reply))
    thread.on('error', (error) => this.#lose(reader, error))
    this.#readers.add(reader)
  }

  #receive(reader: Reader, reply: ReaderReply) {
    const read = this.#release(reader)
    if (reply.kind === 'ready') {
      reader.isReady = true
      reader.thread.unref()
    } else if (reply.kind === 'rows') read?.resolve(reply.rows)
    else read?.reject(fromErrorMessage(reply.error))
    reader.idleTimer = setTimeout(() => this.#retire(reader), this.#settings.idleMs ?? IDLE_MS).unref()
    this.#dispatch()
  }

  #release(reader: Reader): Read | undefined {
    const { work } = reader
    clearTimeout(work?.timer)
    reader.work = undefined
    return work
  }

  #retire(reader: Reader) {
    this.#readers.delete(reader)
    void reader.thread.terminate()
  }

  #lose(reader: Reader, error: unknown) {
    this.#readers.delete(reader)
    this.#settings.log.error({ err: error }, 'a database reader failed')
    const lost = new AppError('database_unavailable', 'A database reader failed.', { cause: error })
    this.#release(reader)?.reject(lost)
    // One that cannot even start would be started for ever.
    if (!reader.isReady)
      for (const read of this.#waiting.splice(0)) {
        clearTimeout(read.timer)
        read.reject(lost)
      }
    this.#dispatch()
  }

  #onDeadline(read: Read) {
    const place = this.#waiting.indexOf(read)
    if (place < 0) {
      read.timer = setTimeout(() => this.#abandon(read), GRACE_MS)
      return
    }
    this.#waiting.splice(place, 1)
    read.reject(tooLate())
    this.#settleIfIdle()
  }

  /** The statement goes on inside SQLite until it ends by itself; only then does its thread. */
  #abandon(read: Read) {
    this.#settings.log.warn({ sql: read.sql }, 'a statement without deadline guard ran past its deadline')
    read.reject(tooLate())
    for (const reader of this.#busy()) {
      if (reader.work !== read) continue
      this.#readers.delete(reader)
      this.#abandoned += 1
      void reader.thread.terminate().then(() => {
        this.#abandoned -= 1
      })
    }
    this.#dispatch()
  }
}

const tooLate = () => new AppError('deadline_exceeded', 'The statement took too long and was stopped.')
