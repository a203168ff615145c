/**
 * Tells functions what was paid and refunded. What has to be told is written in the transaction that credits the money,
 * so that neither a crash nor a broken function loses it; a function may hear the same result twice.
 */
import type { Database } from '../../database/database.ts'
import { transactionScript } from '../../database/database.ts'
import type { Log } from '../../log.ts'
import { noteFinding, type Steps } from './payment-store.ts'

export type ResultCaller = (functionName: string, event: unknown, requestId: string) => Promise<string | undefined>

const SECOND_MS = 1_000
const MINUTE_MS = 60 * SECOND_MS
const HOUR_MS = 60 * MINUTE_MS

/** The pauses between tries: WeChat Pay's own for a server that does not answer. About a day altogether. */
// biome-ignore format: a table keeps its columns
export const RETRY_PAUSES_MS: readonly number[] = [
  15 * SECOND_MS, 15 * SECOND_MS, 30 * SECOND_MS, 3 * MINUTE_MS, 10 * MINUTE_MS, 20 * MINUTE_MS, 30 * MINUTE_MS, 30 * MINUTE_MS,
  30 * MINUTE_MS, HOUR_MS, 3 * HOUR_MS, 3 * HOUR_MS, 3 * HOUR_MS, 6 * HOUR_MS, 6 * HOUR_MS,
]
/** Longer than any function may run: whoever tells a result has it for this long. */
const LEASE_MS = 2 * MINUTE_MS
const PROBLEM_LIMIT_CHARS = 500

export type NewDelivery = { readonly id: string; readonly functionName: string; readonly event: object }

/** Part of the transaction that has the result. */
export function* addDelivery({ id, functionName, event }: NewDelivery, nowMs: number): Steps<void> {
  if (!functionName) return
  yield {
    sql: `INSERT INTO pay_deliveries (id, function_name, event, state, tries, next_try_at_ms, created_at_ms)
          VALUES (?, ?, ?, 'waiting', 0, ?, ?)`,
    params: [id, functionName, JSON.stringify(event), nowMs, nowMs],
  }
}

type Delivery = { id: string; functionName: string; event: string; tries: number; nextTryAtMs: number }

export async function listDueDeliveries(database: Database, nowMs: number, limit: number): Promise<Delivery[]> {
  const rows = await database.read(
    `SELECT id, function_name, event, tries, next_try_at_ms FROM pay_deliveries
     WHERE next_try_at_ms <= ? ORDER BY next_try_at_ms LIMIT ?`,
    [nowMs, limit],
    { cost: 'cheap' },
  )
  return rows.map((row) => ({
    id: String(row['id']),
    functionName: String(row['function_name']),
    event: String(row['event']),
    tries: Number(row['tries']),
    nextTryAtMs: Number(row['next_try_at_ms']),
  }))
}

type Needs = {
  readonly database: Database
  readonly callFunction: ResultCaller
  readonly log: Log
  readonly now: () => number
}

export async function deliver(delivery: Delivery, { database, callFunction, log, now }: Needs): Promise<void> {
  const { id, functionName, event, tries } = delivery
  const isOurs = await database.transact(claimDelivery, { ...delivery, untilMs: now() + LEASE_MS })
  if (!isOurs) return // another process was faster
  let problem: string | undefined
  try {
    // Colons are not allowed in request ids.
    const result = await callFunction(functionName, JSON.parse(event), `pay-${id.replaceAll(/[^\w-]/g, '-')}-${tries}`)
    if (!isAccepted(result)) problem = `answered ${result ?? 'nothing'} instead of {errcode: 0}`
  } catch (error) {
    problem = error instanceof Error ? error.message : String(error)
  }
  if (problem === undefined) {
    await database.transact(endDelivery, { id, state: 'done' })
    return
  }
  const pauseMs = RETRY_PAUSES_MS[tries]
  log.warn(
    { delivery: id, function: functionName, tries: tries + 1, retryInMs: pauseMs },
    'a function did not take a payment result',
  )
  const lastProblem = problem.slice(0, PROBLEM_LIMIT_CHARS)
  if (pauseMs === undefined) await database.transact(giveUpDelivery, { id, lastProblem, nowMs: now() })
  else await database.transact(postponeDelivery, { id, lastProblem, nextTryAtMs: now() + pauseMs })
}

/** CloudBase's rule: `{errcode: 0}` or the function is called again. */
function isAccepted(result: string | undefined): boolean {
  const answer: unknown = result === undefined ? undefined : JSON.parse(result)
  return typeof answer === 'object' && answer !== null && 'errcode' in answer && answer.errcode === 0
}

export const claimDelivery = transactionScript(
  import.meta.url,
  'claimDelivery',
  function* ({ id, nextTryAtMs, untilMs }: { id: string; nextTryAtMs: number; untilMs: number }) {
    const { changes } = yield {
      sql: `UPDATE pay_deliveries SET next_try_at_ms = ? WHERE id = ? AND state = 'waiting' AND next_try_at_ms = ?`,
      params: [untilMs, id, nextTryAtMs],
    }
    return changes === 1
  },
)

export const endDelivery = transactionScript(
  import.meta.url,
  'endDelivery',
  function* ({ id, state }: { id: string; state: 'done' }) {
    yield {
      sql: 'UPDATE pay_deliveries SET state = ?, tries = tries + 1, next_try_at_ms = NULL WHERE id = ?',
      params: [state, id],
    }
  },
)

export const postponeDelivery = transactionScript(
  import.meta.url,
  'postponeDelivery',
  function* ({ id, lastProblem, nextTryAtMs }: { id: string; lastProblem: string; nextTryAtMs: number }) {
    yield {
      sql: 'UPDATE pay_deliveries SET tries = tries + 1, last_problem = ?, next_try_at_ms = ? WHERE id = ?',
      params: [lastProblem, nextTryAtMs, id],
    }
  },
)

export const giveUpDelivery = transactionScript(
  import.meta.url,
  'giveUpDelivery',
  function* ({ id, lastProblem, nowMs }: { id: string; lastProblem: string; nowMs: number }) {
    yield {
      sql: `UPDATE pay_deliveries SET state = 'given-up', tries = tries + 1, last_problem = ?, next_try_at_ms = NULL
            WHERE id = ?`,
      params: [lastProblem, id],
    }
    yield* noteFinding({ kind: 'function_not_told', subject: id.split(':')[1] ?? id }, nowMs)
  },
)
