/** Payments in the console: what came in, the orders, and where our books and WeChat Pay's do not say the same. */
import type { FastifyPluginAsync } from 'fastify'
import type { Database } from '../../database/database.ts'
import { AppError } from '../../errors.ts'
import { type Static, Type } from '../../http/json-schema.ts'
import { PAYMENTS_SEEN_SETTING } from '../monitor/server-sources.ts'
import type { Watch } from '../monitor/watch.ts'
import {
  countDeliveries,
  type ListedOrder,
  listComparedBills,
  listOrders,
  sumMovements,
} from '../payments/payment-report.ts'
import type { StoredOrder } from '../payments/payment-store.ts'
import type { Payments } from '../payments/payments.ts'
import type { Audit } from './audit-log.ts'

const ORDERS_SHOWN = 100
const BILLS_SHOWN = 30
const DAY_MS = 24 * 3_600_000
const CHINA_OFFSET_MS = 8 * 3_600_000
const strict = { additionalProperties: false } as const
const STATES = ['unpaid', 'paid', 'closed', 'refunding', 'refunded'] as const
const OrdersQuery = Type.Object(
  {
    state: Type.Optional(Type.Union(STATES.map((state) => Type.Literal(state)))),
    beforeMs: Type.Optional(Type.String({ pattern: '^\\d{1,16}$' })),
  },
  strict,
)
const OrderParams = Type.Object({ outTradeNo: Type.String({ maxLength: 32 }) })
const DateBody = Type.Object({ date: Type.String({ pattern: '^\\d{4}-\\d{2}-\\d{2}$' }) }, strict)

type Needs = {
  readonly database: Database
  /** Undefined without a merchant. */
  readonly payments: Payments | undefined
  readonly watch: Watch
  readonly audit: Audit
  readonly now?: () => number
}

export function paymentConsoleRoutes({ database, payments, watch, audit, now = Date.now }: Needs): FastifyPluginAsync {
  const books = () => {
    if (payments) return payments
    throw new AppError('not_supported', 'No merchant of WeChat Pay is set: WECHAT_PAY_MCH_ID.')
  }

  return async (app) => {
    app.get('/payments', { config: { role: 'viewer' } }, async () => {
      if (!payments) return { isEnabled: false }
      const seenUntilMs = Number(watch.settings.find(PAYMENTS_SEEN_SETTING) ?? 0)
      const midnightMs = Math.floor((now() + CHINA_OFFSET_MS) / DAY_MS) * DAY_MS - CHINA_OFFSET_MS
      const findings = await payments.findings()
      return {
        isEnabled: true,
        mchId: payments.account.mchId,
        today: await sumMovements(database, midnightMs),
        month: await sumMovements(database, now() - 30 * DAY_MS),
        deliveries: await countDeliveries(database),
        refusals: payments.refusals(),
        bills: await listComparedBills(database, BILLS_SHOWN),
        findings: findings.map((finding) => ({ ...finding, isSeen: finding.foundAtMs <= seenUntilMs })),
      }
    })

    app.get<{ Querystring: Static<typeof OrdersQuery> }>(
      '/payments/orders',
      { schema: { querystring: OrdersQuery }, config: { role: 'viewer' } },
      async ({ query }) => {
        const beforeMs = query.beforeMs === undefined ? undefined : Number(query.beforeMs)
        const orders = await listOrders(database, { state: query.state, beforeMs, limit: ORDERS_SHOWN })
        const next = orders.length === ORDERS_SHOWN ? (orders.at(-1)?.createdAtMs ?? null) : null
        return { orders: orders.map(shownOrder), next }
      },
    )

    // Asks WeChat Pay, and credits what it says: for "the customer paid, but…".
    app.post<{ Params: Static<typeof OrderParams> }>(
      '/payments/orders/:outTradeNo/check',
      { schema: { params: OrderParams }, config: { role: 'developer' } },
      async (request) => {
        const { outTradeNo } = request.params
        const order = await books().query({ outTradeNo })
        await audit(request, 'payment.check', outTradeNo, { state: order.state })
        return shown(order)
      },
    )

    app.post<{ Body: Static<typeof DateBody> }>(
      '/payments/reconcile',
      { schema: { body: DateBody }, config: { role: 'developer' } },
      async (request) => {
        const { date } = request.body
        const report = await books().reconcile(date)
        await audit(request, 'payment.reconcile', date, { differences: report?.differences.length ?? 'not ready' })
        return { isReady: report !== undefined, lines: report?.lines ?? 0, differences: report?.differences ?? [] }
      },
    )

    app.post('/payments/seen', { config: { role: 'developer' } }, async (request) => {
      watch.settings.put(PAYMENTS_SEEN_SETTING, now())
      await audit(request, 'payment.seen', '')
      return {}
    })
  }
}

const shown = ({
  outTradeNo,
  state,
  openId,
  description,
  totalFen,
  refundedFen,
  transactionId,
  paidAtMs,
}: StoredOrder) => ({
  outTradeNo,
  state,
  openId,
  description,
  totalFen,
  refundedFen,
  transactionId,
  paidAtMs,
})
const shownOrder = (order: ListedOrder) => ({ ...shown(order), createdAtMs: order.createdAtMs })
