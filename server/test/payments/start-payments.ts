import { mkdtemp, rm } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { openSimulator, type PayOptions } from '@sampan/simulator'
import type { Database } from '../../src/database/database.ts'
import { migrate } from '../../src/database/migrate.ts'
import { openDatabase } from '../../src/database/open-database.ts'
import { paymentRoutes } from '../../src/features/payments/payment-routes.ts'
import { openPayments } from '../../src/features/payments/payments.ts'
import { identifyCallers } from '../../src/features/sessions/current-session.ts'
import { openHttp } from '../../src/http/open-http.ts'
import { openLog } from '../../src/log.ts'
import { openWeChatPay, type WeChatPayOptions } from '../../src/wechat/pay/open-pay.ts'

export const APP_ID = 'wx0123456789abcdef'
export const START_MS = Date.UTC(2026, 10, 22, 4, 0, 0)
export const MINUTE_MS = 60_000
export const HOUR_MS = 3_600_000

type Told = { functionName: string; event: Record<string, unknown>; requestId: string }

/** Payments on a real database, behind real HTTP, with the simulator's merchant, and a clock that the test moves. */
export async function startPayments(
  merchant: PayOptions = {},
  payOptions: Partial<WeChatPayOptions> = {},
  databaseUrl = '',
) {
  let nowMs = START_MS
  const now = () => nowMs
  const dir = await mkdtemp(path.join(os.tmpdir(), 'sampan-pay-'))
  const logLines: string[] = []
  const log = openLog({ level: 'debug', destination: { write: (line) => void logLines.push(line) }, isPretty: false })
  const openConnection = () =>
    openDatabase({ url: databaseUrl || `sqlite:${path.join(dir, 'app.db')}`, timeoutMs: 10_000, log })
  const database = await openConnection()
  const elsewhere: Database[] = []
  const folder = path.resolve(import.meta.dirname, '../../migrations')
  await migrate(database, { scope: 'core', folder, appVersion: 'test', log })

  const simulator = await openSimulator({
    appId: APP_ID,
    secret: 's',
    seed: 11,
    now,
    quotas: { payCreateSecond: 1_000_000 },
    merchant: { timeScale: 1_000_000, ...merchant },
  })
  const credentials = simulator.pay.credentials()
  const pay = openWeChatPay({
    baseUrl: simulator.url,
    appId: APP_ID,
    mchId: credentials.mchId,
    merchantPrivateKey: credentials.merchantPrivateKeyPem,
    merchantSerial: credentials.merchantSerial,
    apiV3Key: credentials.apiV3Key,
    ...(merchant.keyMode !== 'certificate' && {
      publicKeyId: credentials.publicKeyId,
      publicKey: credentials.publicKeyPem,
    }),
    certificates: credentials.certificatePems,
    now,
    attemptTimeoutMs: 1_000,
    retryPauseMs: 1,
    ...payOptions,
  })

  const told: Told[] = []
  /** What functions answer; a test replaces it. */
  const functions: { answer: (event: Record<string, unknown>) => unknown } = { answer: () => ({ errcode: 0 }) }
  let url = ''
  const openBooks = (books = database) =>
    openPayments({
      database: books,
      pay,
      account: { appId: APP_ID, mchId: credentials.mchId },
      async callFunction(functionName, event, requestId) {
        const facts = event as Record<string, unknown> // safe: results are objects
        told.push({ functionName, event: facts, requestId })
        const answer = functions.answer(facts)
        return answer === undefined ? undefined : JSON.stringify(answer)
      },
      publicUrl: () => url,
      orderTtlMs: 2 * HOUR_MS,
      comparesBills: true,
      log,
      now,
    })
  const payments = openBooks()

  const app = openHttp({ bodyLimitBytes: 1024 * 1024, requestDeadlineMs: 10_000 }, log)
  identifyCallers(app, { find: async () => undefined } as never, 'local-token-of-the-test-0123456789') // safe: nobody logs in
  /** Every notification as it came, so that tests can change and repeat it. */
  const received: { headers: Record<string, string>; body: Buffer }[] = []
  app.addHook('preHandler', async ({ headers, body }) => {
    if (Buffer.isBuffer(body)) received.push({ headers: headers as Record<string, string>, body })
  })
  await app.register(paymentRoutes({ payments }), { prefix: '/v1/payments' })
  await app.listen({ port: 0, host: '127.0.0.1' })
  url = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}` // safe: it listens on TCP

  const openId = simulator.openidOf('alice')
  const rows = (sql: string, params: (string | number)[] = []) => database.read(sql, params)

  return {
    simulator,
    pay,
    payments,
    /** This server after a restart. */
    openBooks: () => openBooks(),
    /** A second server of the same deployment, with a connection of its own. */
    async openBooksElsewhere() {
      const connection = await openConnection()
      elsewhere.push(connection)
      return openBooks(connection)
    },
    database,
    url,
    openId,
    told,
    functions,
    received,
    logLines,
    rows,
    now,
    advance(ms: number) {
      nowMs += ms
    },
    request: (outTradeNo: string, totalFen = 100) => ({
      outTradeNo,
      description: 'Haircut',
      attach: '',
      totalFen,
      openId,
      functionName: 'paid',
    }),
    place(outTradeNo: string, totalFen = 100) {
      return payments.place(this.request(outTradeNo, totalFen))
    },
    async state(outTradeNo: string) {
      const [row] = await rows('SELECT state FROM pay_orders WHERE out_trade_no = ?', [outTradeNo])
      return row?.['state']
    },
    /** The ledger's lines of an order. */
    async entries(outTradeNo: string) {
      const found = await rows('SELECT fen, source FROM pay_entries WHERE out_trade_no = ? ORDER BY at_ms, id', [
        outTradeNo,
      ])
      return found.map(({ fen, source }) => `${source} ${fen}`)
    },
    async findings() {
      return (await payments.findings()).map(({ kind, subject }) => `${kind} ${subject}`).sort()
    },
    /** Pays and lets the notification arrive, if it comes. */
    async payOrder(outTradeNo: string) {
      simulator.pay.payOrder(outTradeNo)
      await simulator.pay.notify.settle()
    },
    async close() {
      await payments.close()
      await app.close()
      await pay.close()
      await simulator.close()
      for (const connection of [...elsewhere, database]) await connection.close()
      await rm(dir, { recursive: true, force: true })
    },
  }
}

export type PaymentsUnderTest = Awaited<ReturnType<typeof startPayments>>
