/**
 * Functions that every project has: `cloud.callFunction({ name: 'sampan-stock', data: { action: 'reserve', … } })` inside
 * a cloud function reaches what CloudBase has no API for, with the unchanged wx-server-sdk. They run for the person for
 * whom the calling function runs.
 *
 * A refusal is an answer, `{ error: { code, message, details } }`, because the SDK keeps no codes of failed calls.
 */

import { ERRORS } from '@sampan/protocol/errors'
import type { NewJob } from '@sampan/protocol/jobs'
import type * as schemaCheck from 'typebox/value'
import { AppError } from '../errors.ts'
import type { Json } from '../features/documents/document-request.ts'
import type { Jobs } from '../features/jobs/jobs.ts'
import type { Stock } from '../features/stock/stock.ts'
import { Type } from '../http/json-schema.ts'

type Services = { readonly stock: Stock; readonly jobs: Jobs }
type Caller = {
  readonly openId: string | undefined
  readonly services: Services
  readonly Check: typeof schemaCheck.Check
}
type Action = (data: Record<string, unknown>, caller: Caller) => Promise<unknown>

const Text = Type.String({ minLength: 1, maxLength: 255 })
const Optional = Type.Optional
const Reserve = Type.Object({
  sale: Text,
  item: Text,
  quantity: Optional(Type.Integer({ minimum: 1, maximum: 1_000 })),
  openId: Optional(Text),
  key: Optional(Text),
})
const OfReservation = Type.Object({ reservation: Text })
const OfSale = Type.Object({ sale: Text, openId: Optional(Text) })
const Add = Type.Object({
  kind: Text,
  data: Optional(Type.Record(Type.String(), Type.Unknown())),
  runAtMs: Optional(Type.Integer({ minimum: 0 })),
  uniqueKey: Optional(Text),
  priority: Optional(Type.Integer()),
  maxAttempts: Optional(Type.Integer()),
})
const OfJob = Type.Object({ id: Text })
const Report = Type.Object({
  id: Text,
  attempt: Type.Integer(),
  progress: Type.Number(),
  message: Optional(Type.String()),
})

const STOCK_ACTIONS: Readonly<Record<string, Action>> = {
  async reserve(data, { Check, openId, services: { stock } }) {
    if (!Check(Reserve, data)) throw wrongFields('sale, item, quantity?, openId?, key?')
    const { sale, item, quantity = 1, key } = data
    const buyer = data.openId ?? openId
    if (buyer === undefined) throw wrongFields('openId, because nobody called this function')
    return { reservation: await stock.reserve({ sale, item, quantity, openId: buyer, idempotencyKey: key }) }
  },
  async release(data, { Check, services: { stock } }) {
    if (!Check(OfReservation, data)) throw wrongFields('reservation')
    return { reservation: await stock.release(data.reservation, undefined) }
  },
  async confirm(data, { Check, services: { stock } }) {
    if (!Check(OfReservation, data)) throw wrongFields('reservation')
    return { reservation: await stock.confirm(data.reservation) }
  },
  async status(data, { Check, services: { stock } }) {
    if (!Check(OfSale, data)) throw wrongFields('sale')
    return { sale: await stock.status(data.sale) }
  },
  async reservations(data, { Check, openId, services: { stock } }) {
    if (!Check(OfSale, data)) throw wrongFields('sale, openId?')
    return { reservations: await stock.reservationsOf(data.sale, data.openId ?? openId ?? '') }
  },
}

const JOB_ACTIONS: Readonly<Record<string, Action>> = {
  async add(data, { Check, openId, services: { jobs } }) {
    if (!Check(Add, data)) throw wrongFields('kind, data?, runAtMs?, uniqueKey?, priority?, maxAttempts?')
    const { kind, data: own = {}, ...rest } = data
    const job: NewJob = JSON.parse(JSON.stringify({ kind, data: own, ...pick(rest) })) // without undefined fields
    return { job: await jobs.add(job, openId === undefined ? undefined : { openId, isUser: false }) }
  },
  async status(data, { Check, services: { jobs } }) {
    if (!Check(OfJob, data)) throw wrongFields('id')
    return { job: await jobs.status(data.id) }
  },
  async cancel(data, { Check, services: { jobs } }) {
    if (!Check(OfJob, data)) throw wrongFields('id')
    return { job: await jobs.cancel(data.id) }
  },
  async report(data, { Check, services: { jobs } }) {
    if (!Check(Report, data)) throw wrongFields('id, attempt, progress, message?')
    const { id, attempt, progress, message = '' } = data
    await jobs.report({
      id,
      attempt,
      progress: Math.round(Math.min(Math.max(progress, 0), 100)),
      message: message.slice(0, 500),
    })
    return {}
  },
}

const pick = ({ runAtMs, uniqueKey, priority, maxAttempts }: Omit<NewJob, 'kind' | 'data'>) => ({
  ...{ runAtMs, uniqueKey, priority, maxAttempts },
})

const BUILT_IN: ReadonlyMap<string, Readonly<Record<string, Action>>> = new Map([
  ['sampan-stock', STOCK_ACTIONS],
  ['sampan-jobs', JOB_ACTIONS],
])

export const isBuiltIn = (name: string): boolean => BUILT_IN.has(name)

/** @throws {AppError} what the caller can do nothing about, such as `database_unavailable` */
export async function callBuiltIn(name: string, data: Json, caller: Omit<Caller, 'Check'>): Promise<unknown> {
  const fields = data as Record<string, unknown> | null // safe: each action checks its fields
  const known = BUILT_IN.get(name)
  const action = String(fields?.['action'] ?? '')
  try {
    if (!known || !Object.hasOwn(known, action))
      throw new AppError('invalid_request', `${name} knows the actions ${Object.keys(known ?? {}).join(', ')}.`)
    const { Check } = await import('typebox/value') // 680 modules, which a server without such calls does not need
    return await known[action]?.(fields ?? {}, { ...caller, Check })
  } catch (error) {
    if (!(error instanceof AppError) || ERRORS[error.code].status >= 500) throw error
    const { code, message, details } = error
    return { error: { code, message, ...(details && { details }) } }
  }
}

const wrongFields = (fields: string) => new AppError('invalid_request', `The fields are: action, ${fields}.`)
