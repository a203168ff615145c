/** What the parts of this feature share. */
import type { Database } from '../../database/database.ts'
import type { Log } from '../../log.ts'
import type { WeChatPay } from '../../wechat/pay/pay.ts'
import type { ResultCaller } from './deliver-results.ts'
import type { Account } from './payment-events.ts'

export type PaymentNeeds = {
  readonly database: Database
  readonly pay: WeChatPay
  readonly account: Account
  readonly callFunction: ResultCaller
  /** Public address of this server; WeChat Pay reports to it. */
  readonly publicUrl: () => string
  /** How long an order may be paid. */
  readonly orderTtlMs: number
  /** Whether yesterday's bill is compared each day. A simulator forgets its books when it ends, so with it: no. */
  readonly comparesBills: boolean
  readonly log: Log
  readonly now: () => number
}
