/**
 * Fires functions at their times. Each slot fires once, however many server processes there are: the process that
 * inserts the slot's row fires it.
 */
import { type Database, transactionScript } from '../../database/database.ts'
import { AppError } from '../../errors.ts'
import type { Log } from '../../log.ts'
import type { FunctionSummary, Functions } from './functions.ts'
import { type FunctionTrigger, lastSlotMs, nextSlotMs } from './timer-schedule.ts'

export interface FunctionTimers {
  /** Once functions can reach the server. */
  start(): void
  /** Fires one now, beside its schedule. @throws {AppError} what the call throws, `function_not_found` */
  runNow(functionName: string, triggerName: string, requestId: string): Promise<void>
  /** When each timer fires next. */
  upcoming(): { readonly functionName: string; readonly triggerName: string; readonly nextMs: number | undefined }[]
  close(): void
}

type Needs = {
  readonly functions: Functions
  readonly database: Database
  readonly log: Log
  readonly now: () => number
}

type Timer = { readonly summary: FunctionSummary; readonly trigger: FunctionTrigger }

/** Clocks jump and laptops sleep, so nobody sleeps longer than this before looking at the clock again. */
const SLEEP_MS_MAX = 30_000
/** A slot that was missed longer ago is not made up for. */
const MAKE_UP_MS = 24 * 60 * 60_000
const SLOTS_KEPT_MS = 30 * 24 * 60 * 60_000
const PURGE_EVERY_MS = 6 * 60 * 60_000

export function openFunctionTimers(needs: Needs): FunctionTimers {
  const { functions, database, log, now } = needs
  const timersOf = (): Timer[] =>
    functions.list().flatMap((summary) => summary.triggers.map((trigger) => ({ summary, trigger })))
  let lookedAtMs = now()
  let purgedAtMs = now()
  let sleeping: NodeJS.Timeout | undefined
  let isClosed = false

  const fire = async ({ summary, trigger }: Timer, slotMs: number) => {
    const slot = { functionName: summary.name, triggerName: trigger.name, slotMs }
    try {
      await database.transact(claimSlot, slot)
    } catch (error) {
      if (error instanceof AppError && error.code === 'document_exists') return // another process was faster
      log.error({ err: error, ...slot }, 'a timer could not be fired')
      return
    }
    const isDone = await callByTimer(
      functions,
      summary.name,
      trigger.name,
      slotMs,
      `timer-${slotMs}-${summary.name}`,
    ).then(
      () => true,
      () => false, // the call's own record says why
    )
    await database.transact(endSlot, { ...slot, state: isDone ? 'done' : 'failed' }).catch((err: unknown) => {
      log.warn({ err, ...slot }, 'the end of a timer was not noted')
    })
  }

  const look = () => {
    const nowMs = now()
    for (const timer of timersOf()) {
      const slotMs = nextSlotMs(timer.trigger, lookedAtMs)
      // Of several slots since the last look, which a sleeping laptop may have, only the last is worth firing.
      if (slotMs !== undefined && slotMs <= nowMs)
        void fire(timer, lastSlotMs(timer.trigger, nowMs, lookedAtMs) ?? slotMs)
    }
    lookedAtMs = nowMs
    if (nowMs - purgedAtMs > PURGE_EVERY_MS) {
      purgedAtMs = nowMs
      void database.transact(purgeSlots, nowMs - SLOTS_KEPT_MS).catch(() => {}) // the next purge takes them
    }
    sleep()
  }
  const sleep = () => {
    if (isClosed) return
    const next = timersOf().map(({ trigger }) => nextSlotMs(trigger, lookedAtMs) ?? Number.POSITIVE_INFINITY)
    const waitMs = Math.min(SLEEP_MS_MAX, ...next.map((slotMs) => slotMs - now()))
    sleeping = setTimeout(look, Math.max(1, waitMs))
    sleeping.unref()
  }

  /** Fires what the server slept through, where the function wants that. */
  const makeUp = async () => {
    for (const timer of timersOf().filter(({ summary }) => summary.missedTimers === 'run-last')) {
      const [row] = await database.read(
        'SELECT MAX(slot_ms) AS slot_ms FROM timer_slots WHERE function_name = ? AND trigger_name = ?',
        [timer.summary.name, timer.trigger.name],
      )
      // A timer that has never fired has missed nothing.
      if (row?.['slot_ms'] === null || row?.['slot_ms'] === undefined) continue
      const sinceMs = Math.max(Number(row['slot_ms']), now() - MAKE_UP_MS)
      const missedMs = lastSlotMs(timer.trigger, now(), sinceMs)
      if (missedMs !== undefined) await fire(timer, missedMs)
    }
  }

  return {
    start() {
      lookedAtMs = now()
      sleep()
      void makeUp().catch((err: unknown) => log.error({ err }, 'missed timers could not be made up for'))
    },
    async runNow(functionName, triggerName, requestId) {
      const timer = timersOf().find(
        ({ summary, trigger }) => summary.name === functionName && trigger.name === triggerName,
      )
      if (!timer) throw new AppError('function_not_found', `${functionName} has no timer "${triggerName}".`)
      await callByTimer(functions, functionName, triggerName, now(), requestId)
    },
    upcoming: () =>
      timersOf().map(({ summary, trigger }) => ({
        functionName: summary.name,
        triggerName: trigger.name,
        nextMs: nextSlotMs(trigger, now()),
      })),
    close() {
      isClosed = true
      clearTimeout(sleeping)
    },
  }
}

/** With the event that CloudBase's timers send. */
function callByTimer(
  functions: Functions,
  functionName: string,
  triggerName: string,
  slotMs: number,
  requestId: string,
) {
  return functions.call(
    functionName,
    { Type: 'Timer', TriggerName: triggerName, Time: new Date(slotMs).toISOString(), Message: '' },
    { identity: { kind: 'administrator', id: 'timer', role: 'owner' }, requestId, source: 'wx_trigger' },
  )
}

type Slot = { functionName: string; triggerName: string; slotMs: number }

export const claimSlot = transactionScript(import.meta.url, 'claimSlot', function* (slot: Slot) {
  yield {
    sql: `INSERT INTO timer_slots (function_name, trigger_name, slot_ms, state) VALUES (?, ?, ?, 'running')`,
    params: [slot.functionName, slot.triggerName, slot.slotMs],
  }
})

export const endSlot = transactionScript(import.meta.url, 'endSlot', function* (slot: Slot & { state: string }) {
  yield {
    sql: 'UPDATE timer_slots SET state = ? WHERE function_name = ? AND trigger_name = ? AND slot_ms = ?',
    params: [slot.state, slot.functionName, slot.triggerName, slot.slotMs],
  }
})

export const purgeSlots = transactionScript(import.meta.url, 'purgeSlots', function* (beforeMs: number) {
  yield { sql: 'DELETE FROM timer_slots WHERE slot_ms < ?', params: [beforeMs] }
})
