/** A thread that runs SELECTs which may take long, so that the event loop does not. */
import { parentPort, workerData } from 'node:worker_threads'
import { openSqliteConnection } from './sqlite-connection.ts'
import { toErrorMessage } from './sqlite-errors.ts'
import type { ReaderReply, ReaderRequest, ThreadSettings } from './thread-messages.ts'

if (!parentPort) throw new Error('reader-thread.ts runs in a worker thread')
const port = parentPort
const { file }: ThreadSettings = workerData
const connection = openSqliteConnection(file, { isReadOnly: true })

port.on('message', (request: ReaderRequest) => port.postMessage(read(request)))
port.postMessage({ kind: 'ready' } satisfies ReaderReply)

function read({ sql, params, timeoutMs }: ReaderRequest): ReaderReply {
  try {
    return { kind: 'rows', rows: connection.readRows(sql, params, performance.now() + timeoutMs) }
  } catch (error) {
    return { kind: 'failed', error: toErrorMessage(error) }
  }
}
