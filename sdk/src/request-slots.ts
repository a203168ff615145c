import { clientError } from './cloud-error.ts'

/** WeChat allows ten requests, uploads and downloads in flight together; the rest wait here in order. */
const SLOTS = 10
/** More waiting than this is a loop in the program, not traffic. */
const WAITING_LIMIT = 1_000

export type RequestSlots = <T>(task: () => Promise<T>) => Promise<T>

export function openRequestSlots(): RequestSlots {
  let running = 0
  const waiting: (() => void)[] = []

  return async function inSlot(task) {
    if (running < SLOTS) running++
    else {
      if (waiting.length >= WAITING_LIMIT)
        throw clientError('too_many_requests', `${WAITING_LIMIT} requests are waiting`)
      await new Promise<void>((resolve) => waiting.push(resolve)) // a finished task hands its slot over
    }
    try {
      return await task()
    } finally {
      const next = waiting.shift()
      if (next) next()
      else running--
    }
  }
}
