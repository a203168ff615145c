/** Everything that is open while the server runs, opened in order and closed in reverse. */
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import type { Cache } from './cache/cache.ts'
import { openCache } from './cache/open-cache.ts'
import type { Config } from './config.ts'
import type { Database } from './database/database.ts'
import { migrate } from './database/migrate.ts'
import { openDatabase } from './database/open-database.ts'
import { type Administrators, openAdministrators } from './features/console/administrators.ts'
import { declareCollections } from './features/documents/declare-collections.ts'
import type { CollectionDefinition, Documents, JsonObject } from './features/documents/document-request.ts'
import { openDocuments } from './features/documents/documents.ts'
import { observeChanges } from './features/documents/observe-changes.ts'
import { type FileSettings, type Files, openFiles } from './features/files/files.ts'
import { type CallJournal, openCallJournal } from './features/functions/function-calls.ts'
import { runFunctionJob } from './features/functions/function-jobs.ts'
import { type FunctionTimers, openFunctionTimers } from './features/functions/function-timers.ts'
import { type Functions, openFunctions } from './features/functions/functions.ts'
import { type OpenDataReader, openOpenData } from './features/functions/open-data.ts'
import { openVoiceRooms, type VoiceRooms } from './features/functions/voice-rooms.ts'
import { jobSource } from './features/jobs/job-source.ts'
import { type DeclaredJob, type Jobs, openJobs } from './features/jobs/jobs.ts'
import type { DeclaredAlarms } from './features/monitor/alarm-settings.ts'
import type { Monitor } from './features/monitor/monitor.ts'
import { createRecentRequests, type RecentRequests } from './features/monitor/recent-requests.ts'
import { openRequestArchive } from './features/monitor/request-archive.ts'
import { cacheSource, databaseSource, functionSource, paymentSource } from './features/monitor/server-sources.ts'
import { createSlowQueryBook, type SlowQueryBook } from './features/monitor/slow-query-book.ts'
import { createStatementTrace, type StatementTrace } from './features/monitor/statement-trace.ts'
import { backupSource, certificateSource } from './features/monitor/upkeep-sources.ts'
import { openWatch, type Watch } from './features/monitor/watch.ts'
import { createWeChatCalls, type WeChatCalls } from './features/monitor/wechat-calls.ts'
import { createWeChatQuotas, QUOTA_API, type WeChatQuotas } from './features/monitor/wechat-quotas.ts'
import { openMerchant } from './features/payments/open-merchant.ts'
import { openPayments, type Payments } from './features/payments/payments.ts'
import { openRealtimeTickets, type RealtimeTickets } from './features/rooms/realtime-tickets.ts'
import { openRooms, type RoomRule, type Rooms } from './features/rooms/rooms.ts'
import { openWatches, type Watches } from './features/rooms/watches.ts'
import { type AccessKeys, openAccessKeys } from './features/sessions/access-keys.ts'
import { openSessionLookup, type SessionLookup } from './features/sessions/current-session.ts'
import type { LoginNeeds } from './features/sessions/log-in.ts'
import { openSeal, type Seal } from './features/sessions/seal.ts'
import { type DeclaredSale, declareSales } from './features/stock/define-sale.ts'
import { openStock, type Stock } from './features/stock/stock.ts'
import { stockSource } from './features/stock/stock-source.ts'
import type { Log } from './log.ts'
import { openDiskStorage } from './storage/open-disk-storage.ts'
import { openWeChat } from './wechat/open-wechat.ts'
import type { WeChat } from './wechat/wechat.ts'

/** What the owner's project asks of the server. */
export type ServedProject = {
  /** The folder with one folder per function; undefined: no functions. */
  readonly functionsRoot: string | undefined
  readonly collections: readonly CollectionDefinition[]
  /** First documents of collections that are empty. */
  readonly seed: Readonly<Record<string, readonly JsonObject[]>>
  readonly rooms: readonly RoomRule[]
  /** Who is told of alarms, and when, as far as the project says so. */
  readonly alarms?: DeclaredAlarms | undefined
  /** Limited goods; see docs/stock.md. */
  readonly sales?: readonly DeclaredSale[]
  /** Heavy work; see docs/jobs.md. */
  readonly jobs?: readonly DeclaredJob[]
  /** The folder with own routes (`index.ts`) and own tables (`migrations/`); undefined: the project has none. */
  readonly serverRoot?: string | undefined
  /** Whether changed functions are loaded again. */
  readonly isWatched: boolean
}

export type Resources = {
  readonly config: Config
  readonly log: Log
  readonly database: Database
  readonly cache: Cache
  readonly seal: Seal
  readonly wechat: WeChat
  readonly sessions: SessionLookup
  readonly login: LoginNeeds & { sessions: SessionLookup }
  readonly documents: Documents
  readonly files: Files
  readonly functions: Functions
  readonly watches: Watches
  readonly rooms: Rooms
  readonly tickets: RealtimeTickets
  readonly publicUrl: () => string
  readonly project: ServedProject
  readonly watch: Watch
  readonly recentRequests: RecentRequests
  readonly slowQueries: SlowQueryBook
  readonly trace: StatementTrace
  readonly wechatCalls: WeChatCalls
  readonly wechatQuotas: WeChatQuotas
  readonly administrators: Administrators
  readonly timers: FunctionTimers
  /** Undefined without a merchant. */
  readonly payments: Payments | undefined
  readonly stock: Stock
  readonly jobs: Jobs
  readonly openData: OpenDataReader
  readonly voiceRooms: VoiceRooms
  readonly accessKeys: AccessKeys
  readonly localToken: string
  readonly isStopping: () => boolean
  readonly now: () => number
  close(): Promise<void>
}

type Needs = {
  readonly config: Config
  readonly project: ServedProject
  readonly log: Log
  readonly localToken: string
  /** The process's environment; of it only a few harmless names reach functions. */
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly publicUrl: () => string
  /** Where functions reach this server, on loopback. */
  readonly localUrl: () => string
  readonly isStopping: () => boolean
  readonly now: () => number
  readonly version: string
}

const MIGRATIONS = path.resolve(import.meta.dirname, '../migrations')
const SECRET_KEY_BYTES = 32
const DAY_MS = 86_400_000
/** Whom functions see that are told a payment: nobody in the mini program. */
const PAYMENT_CALLER = { kind: 'administrator', id: 'payments', role: 'owner' } as const
/** WeChat Pay closes orders by itself then. */
const ORDER_TTL_MAX_SECONDS = 7 * 24 * 3600
/** Only the account that runs the server may read it. */
const OWNER_ONLY = 0o600

/** What was opened is closed in reverse, at the end or if something after it cannot be opened. */
export async function openResources(needs: Needs): Promise<Resources> {
  const closing = new AsyncDisposableStack()
  try {
    return { ...(await open(needs, closing)), close: () => closing.disposeAsync() }
  } catch (error) {
    await closing.disposeAsync()
    throw error
  }
}

async function open(needs: Needs, closing: AsyncDisposableStack): Promise<Omit<Resources, 'close'>> {
  const { config, log, now } = needs
  await mkdir(config.DATA_DIR, { recursive: true })
  const seal = openSeal(config.SECRET_KEY || (await keptSecretKey(config.DATA_DIR)))

  const watch = openWatch({
    dataDir: config.DATA_DIR,
    capacityFiles: ['capacity.json', '../capacity.json'].map((name) => path.join(config.DATA_DIR, name)),
    declaredAlarms: needs.project.alarms,
    serverName: () => URL.parse(needs.publicUrl())?.host ?? 'sampan',
    log,
    now,
  })
  closing.defer(() => watch.close())
  const recentRequests = createRecentRequests({ archive: openRequestArchive(watch.monitor.history), now })
  const slowQueries = createSlowQueryBook({ settings: watch.settings, now })
  closing.defer(() => {
    recentRequests.save()
    slowQueries.save({ isLast: true })
  })
  const trace = createStatementTrace()

  const opened = await openDatabase({
    url: config.DATABASE_URL || `sqlite:${path.join(config.DATA_DIR, 'app.db')}`,
    timeoutMs: config.STATEMENT_TIMEOUT_MS,
    log,
  })
  closing.defer(() => opened.close())
  await migrate(opened, { scope: 'core', folder: MIGRATIONS, appVersion: needs.version, log })
  const ownMigrations = needs.project.serverRoot && path.join(needs.project.serverRoot, 'migrations')
  if (ownMigrations && existsSync(ownMigrations)) {
    await migrate(opened, { scope: 'project', folder: ownMigrations, appVersion: needs.version, log })
  }

  // Documents tell of their own slow queries, with plan and index.
  const documentDatabase = trace.watch(opened)
  const database = trace.watch(opened, (statement) => {
    if (statement.durationMs >= config.SLOW_QUERY_MS) slowQueries.addStatement(statement)
  })

  const cache = await openCache({ redisUrl: config.REDIS_URL, log, now })
  closing.defer(() => cache.close())
  const wechatCalls = createWeChatCalls(now)
  const wechat = openWeChat({
    // Asking for quotas is our own curiosity, not the app's use of WeChat.
    onCall: (call) => call.api !== QUOTA_API && wechatCalls.add(call),
    baseUrl: config.WECHAT_BASE_URL,
    appId: config.WECHAT_APP_ID,
    secret: config.WECHAT_SECRET,
    timeoutMs: config.WECHAT_TIMEOUT_MS,
    cache,
    now,
    log,
  })
  closing.defer(() => wechat.close())
  const sessions = openSessionLookup({ database, log, now })
  closing.defer(() => sessions.close())
  const engine = await openDocuments({
    onSlowQuery: (query) => slowQueries.add(query),
    database: documentDatabase,
    log,
    now,
    settings: { timeoutMs: config.REQUEST_DEADLINE_MS, slowQueryMs: config.SLOW_QUERY_MS },
  })
  const observed = observeChanges(engine)
  const { documents } = observed
  closing.defer(() => documents.close())
  await declareCollections(documents, needs.project, log)
  // SQLite has one writing process; other databases may be written to by servers we do not hear.
  const watches = openWatches({ ...observed, isSharedDatabase: database.dialect.name !== 'sqlite' })
  closing.defer(() => watches.close())
  const files = openFiles({
    database,
    storage: openDiskStorage(path.join(config.DATA_DIR, 'files')),
    seal,
    log,
    now,
    publicUrl: needs.publicUrl,
    settings: fileSettings(config),
  })
  const functions = openFunctions({
    functionsRoot: needs.project.functionsRoot,
    isWatched: needs.project.isWatched,
    adminUrl: () => `${needs.localUrl()}/admin`,
    appId: config.WECHAT_APP_ID,
    envId: config.ENV_ID,
    environment: needs.environment,
    settings: functionSettings(config),
    journal: countCalls(
      openCallJournal({ database: opened, log, keptDays: config.FUNCTION_LOG_DAYS, now }),
      watch.monitor,
    ),
    log,
  })
  closing.defer(() => functions.close())
  const jobs = openJobs({
    database,
    kinds: needs.project.jobs ?? [],
    hasFunction: (name) => functions.list().some((summary) => summary.name === name),
    runFunction: (name, job) => runFunctionJob(functions, name, job, config.WECHAT_APP_ID),
    workers: jobWorkers(config),
    keptMs: config.JOB_KEPT_DAYS * DAY_MS,
    log,
    now,
  })
  closing.defer(() => jobs.close())
  const timers = openFunctionTimers({ functions, database, log, now })
  closing.defer(() => timers.close())
  await declareSales(database, needs.project.sales ?? [], { log, now })
  const stock = openStock({ database, log, now })
  closing.defer(() => stock.close())
  const merchant = openMerchant(config, { log, now })
  closing.defer(() => merchant?.close())
  const payments =
    merchant &&
    openPayments({
      ...needs,
      database,
      pay: merchant.pay,
      account: { appId: config.WECHAT_APP_ID, mchId: merchant.mchId },
      callFunction: async (name, event, requestId) =>
        (await functions.call(name, event, { identity: PAYMENT_CALLER, requestId, source: 'wx_paycallback' })).result,
      orderTtlMs: Math.min(config.WECHAT_PAY_ORDER_TTL_SECONDS, ORDER_TTL_MAX_SECONDS) * 1000,
      comparesBills: config.WECHAT_PAY_BASE_URL.startsWith('https:'),
    })

  closing.defer(() => payments?.close())
  const wechatQuotas = createWeChatQuotas({
    ask: (api) => wechat.callApi(QUOTA_API, { method: 'POST', body: { cgi_path: api } }),
    calls: wechatCalls,
    now,
  })
  watch.monitor.onSample(() => {
    recentRequests.save()
    slowQueries.save()
  })
  watch.monitor.addSource(databaseSource(opened, now))
  watch.monitor.addSource(cacheSource(cache, now))
  watch.monitor.addSource(wechatQuotas.source)
  watch.monitor.addSource(slowQueries.source)
  if (payments) watch.monitor.addSource(paymentSource(payments, watch.settings, now))
  watch.monitor.addSource(functionSource(functions))
  watch.monitor.addSource(jobSource(jobs))
  watch.monitor.addSource(stockSource(stock))
  watch.monitor.addSource(wechatCalls.source)
  watch.monitor.addSource(backupSource(config.DATA_DIR, now))
  watch.monitor.addSource(certificateSource(needs.publicUrl, now))

  return {
    ...needs,
    watch,
    slowQueries,
    wechatCalls,
    wechatQuotas,
    recentRequests,
    trace,
    administrators: openAdministrators(database, now),
    database,
    cache,
    seal,
    wechat,
    sessions,
    documents,
    files,
    watches,
    rooms: openRooms(needs.project.rooms, now),
    tickets: openRealtimeTickets(seal, now),
    functions,
    timers,
    payments,
    stock,
    jobs,
    openData: openOpenData({ database, seal, wechat }),
    voiceRooms: openVoiceRooms({ database, seal }),
    accessKeys: openAccessKeys({ database, seal, now }),
    login: {
      database,
      wechat,
      seal,
      sessions,
      now,
      appId: config.WECHAT_APP_ID,
      sessionTtlSeconds: config.SESSION_TTL_SECONDS,
    },
  }
}

/** What is remembered of each call is what the monitor counts. */
const countCalls = (journal: CallJournal, monitor: Pick<Monitor, 'countCall'>): CallJournal => ({
  ...journal,
  add(record) {
    monitor.countCall(record)
    journal.add(record)
  },
})

const fileSettings = (config: Config): FileSettings => ({
  env: config.ENV_ID,
  fileIdStyle: config.FILE_ID_STYLE,
  access: config.FILE_ACCESS,
  uploadLimitBytes: config.UPLOAD_LIMIT_BYTES,
  uploadTypes: config.UPLOAD_TYPES,
  linkTtlSeconds: config.FILE_LINK_TTL_SECONDS,
})

const functionSettings = (config: Config) => ({
  workers: config.FUNCTION_WORKERS,
  timeoutMs: config.FUNCTION_TIMEOUT_MS,
  memoryMb: config.FUNCTION_MEMORY_MB,
  resultLimitBytes: config.FUNCTION_RESULT_LIMIT_BYTES,
  backgroundWorkers: jobWorkers(config),
})

/** One core stays with those who wait for an answer. */
const jobWorkers = (config: Config) => config.JOB_WORKERS || Math.max(1, os.availableParallelism() - 1)

/** The key beside the data: enough for one box. Set SECRET_KEY to keep it apart from copies of the data. */
async function keptSecretKey(dataDir: string): Promise<string> {
  const place = path.join(dataDir, 'secret.key')
  if (!existsSync(place)) {
    const key = randomBytes(SECRET_KEY_BYTES).toString('base64url')
    // `wx`: of two processes that start together one writes, and both read the same key below.
    await writeFile(place, key, { mode: OWNER_ONLY, flag: 'wx' }).catch(() => undefined)
  }
  return (await readFile(place, 'utf8')).trim()
}
