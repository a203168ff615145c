/**
 * Keeps a program's uncaught exceptions from ending the test: on a phone they are lines on the console.
 *
 * Only those whose stack names the program's folder; others go on to whoever listened before, such as node:test.
 */
export function collectRejections(root: string, collect: (error: unknown) => void): () => void {
  const EVENT = 'unhandledRejection'
  const others = process.listeners(EVENT)
  const own: NodeJS.UnhandledRejectionListener = (reason, promise) => {
    if (reason instanceof Error && reason.stack?.includes(root)) return collect(reason)
    if (isFailedCall(reason)) return collect(reason)
    if (others.length === 0) throw reason
    for (const listener of others) listener(reason, promise)
  }
  process.removeAllListeners(EVENT)
  process.on(EVENT, own)
  return () => {
    process.off(EVENT, own)
    if (process.listenerCount(EVENT) === 0) for (const listener of others) process.on(EVENT, listener)
  }
}

/** A failed call of `wx` or `wx.cloud` that the program did not catch. */
const isFailedCall = (reason: unknown) => typeof reason === 'object' && reason !== null && 'errMsg' in reason
