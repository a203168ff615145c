import type { OnTask } from './exchange.ts'
import type { TransferTask } from './weixin.ts'

type Method = keyof TransferTask
const METHODS: readonly Method[] = [
  'abort',
  'onProgressUpdate',
  'offProgressUpdate',
  'onHeadersReceived',
  'offHeadersReceived',
]

/**
 * The task that `uploadFile` and `downloadFile` return at once. WeChat's own exists only after login and a free slot, so
 * this one remembers what was asked of it and passes it on; a repeated transfer is asked the same.
 */
export function createTransferTask(): { task: Required<TransferTask>; attach: OnTask } {
  let real: TransferTask | undefined
  const asked: OnTask[] = []
  const task: Partial<Record<Method, (listener?: never) => void>> = {}
  for (const method of METHODS) {
    task[method] = (listener?: never) => {
      const ask: OnTask = (started) => {
        if (started[method]) started[method](listener as never)
      }
      asked.push(ask)
      if (real) ask(real)
    }
  }
  return {
    task: task as unknown as Required<TransferTask>, // every method is there now
    attach(started) {
      real = started
      for (const ask of asked) ask(started)
    },
  }
}
