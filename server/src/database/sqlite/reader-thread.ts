/** A thread that runs SELECTs which may take long, so that the event loop does not. */
import { parentPort, workerData } from 'node:worker_threads'
import { openSqliteConnection } from './sqlite-connection.ts'
import { toErrorMessage } from './sqlite-errors.ts'
import type { ReaderReply, ReaderRequest, ThreadSettings } from './thread-messages.ts'

if (!parentPort) throw new Error('reader-thread.ts runs in a worker thread')
const port = parentPort
const { file }: ThreadSettings = workerData
const connection = openSqliteConnection(file, { isReadOnly: true })

port.on('message', (request: ReaderRequest) => {
  if (request.kind === 'forget-statements') connection.forgetStatements()
  else port.postMessage(read(request))
})

function read({ sql, params, timeoutMs }: Extract<ReaderRequest, { kind: 'read' }>): ReaderReply {
  try {
    return { rows: connection.readRows(sql, params, performance.now() + timeoutMs) }
  } catch (error) {
    return { error: toErrorMessage(error) }
  }
}
