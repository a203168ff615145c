/** What is worth waking somebody for: one table of signals, thresholds, how long, and what to do. */
import type { BoxFacts } from './box-facts.ts'
import { type Forecast, megabitsPerSecond, perSecond } from './load-gauge.ts'
import { allRoutes, latencyQuantileMs, type MetricsRecord, meanOf } from './metrics-record.ts'

type Words = { readonly en: string; readonly zh: string }
/** Crossed for this long. */
type Threshold = { readonly at: number; readonly forMs: number }

/** What a rule looks at: the mean of the last minute, and what is known about the box. */
export type AlarmView = {
  readonly record: MetricsRecord
  readonly facts: BoxFacts
  readonly forecast: Forecast
  readonly nowMs: number
}

export type AlarmRule = {
  readonly id: string
  readonly title: Words
  /** What to do about it; may hold a command. */
  readonly advice: Words
  readonly unit: 'percent' | 'ms' | 'days' | 'hours' | 'count' | 'bytesPerSecond' | 'isDown'
  /** `above`: large values are bad. */
  readonly bad: 'above' | 'below'
  /** Undefined: not known now; the rule then keeps its state. */
  readonly read: (view: AlarmView) => number | undefined
  readonly warn?: Threshold
  readonly page?: Threshold
  /** Over once the value is better than this for this long: further than the threshold, so that it does not flap. */
  readonly clear: Threshold
}

const MINUTE_MS = 60_000
const DAY_MS = 24 * 3_600_000
const MEGABYTE = 1e6
const GIGA = 1e9
/** A share or a quantile of fewer answers says nothing. */
const ANSWERS_MIN = 50

const minutes = (at: number, forMinutes: number): Threshold => ({ at, forMs: forMinutes * MINUTE_MS })
const gauge =
  (name: string) =>
  ({ record }: AlarmView) =>
    meanOf(record.gauges[name])
/** What is counted whole, such as orders: a mean of the last minute would be a part of one. */
const count =
  (name: string) =>
  ({ record }: AlarmView) =>
    record.gauges[name]?.max
const counter =
  (name: string) =>
  ({ record }: AlarmView) =>
    record.counters[name]
const daysUntil = (atMs: number | undefined, nowMs: number) =>
  atMs === undefined ? undefined : (atMs - nowMs) / DAY_MS

function answers({ record }: AlarmView) {
  const total = allRoutes(record)
  return total.count >= ANSWERS_MIN ? total : undefined
}

// biome-ignore format: a table keeps its columns
export const ALARM_RULES: readonly AlarmRule[] = [
  { id: 'cpu', unit: 'percent', bad: 'above', read: gauge('host.cpu'),
    title: { en: 'CPU busy', zh: 'CPU 繁忙' },
    advice: { en: 'See the busiest routes and slow queries in the console; `sampan status` names the resource to grow.', zh: '在控制台查看最忙的接口与慢查询；`sampan status` 会指出应扩容的资源。' },
    warn: minutes(.7, 15), page: minutes(.8, 5), clear: minutes(.65, 5) },
  { id: 'cpu-pressure', unit: 'percent', bad: 'above', read: gauge('host.cpuPressure'),
    title: { en: 'Work waits for the CPU', zh: '任务在等待 CPU' },
    advice: { en: 'Something else may run on this box: `top`. Move heavy jobs away or to the night.', zh: '可能有其他程序占用本机（用 `top` 查看）；请移走重任务或改到夜间。' },
    warn: minutes(.4, 10), clear: minutes(.3, 5) },
  { id: 'cpu-steal', unit: 'percent', bad: 'above', read: gauge('host.cpuSteal'),
    title: { en: 'The host gives this server too little CPU', zh: '宿主机 CPU 被抢占' },
    advice: { en: 'A noisy neighbour. If it stays, ask the vendor to move the server.', zh: '邻居过于繁忙；若持续，请联系云厂商迁移。' },
    warn: minutes(.1, 10), clear: minutes(.05, 5) },
  { id: 'memory', unit: 'percent', bad: 'below', read: gauge('host.memoryAvailable'),
    title: { en: 'Little memory left', zh: '可用内存不足' },
    advice: { en: '`sampan doctor` shows how memory is split; lower FUNCTION_WORKERS or grow the memory.', zh: '`sampan doctor` 会显示内存分配；可调低 FUNCTION_WORKERS 或升级内存。' },
    warn: minutes(.15, 5), page: minutes(.08, 2), clear: minutes(.2, 2) },
  { id: 'oom', unit: 'count', bad: 'above', read: counter('host.outOfMemoryKills'),
    title: { en: 'The system killed a process for memory', zh: '系统因内存不足杀死了进程' },
    advice: { en: '`dmesg | grep -i oom` names it.', zh: '`dmesg | grep -i oom` 可查看被杀的进程。' },
    page: minutes(0, 0), clear: minutes(0, 10) },
  { id: 'swap', unit: 'bytesPerSecond', bad: 'above', read: ({ record }) => record.counters['host.swapInBytes'] === undefined ? undefined : record.counters['host.swapInBytes'] / Math.max(1, record.durationMs / 1000),
    title: { en: 'Reading from swap', zh: '频繁读取交换分区' },
    advice: { en: 'Memory is too small for what runs here.', zh: '内存不足以运行当前的程序。' },
    warn: minutes(MEGABYTE, 5), clear: minutes(MEGABYTE / 4, 5) },
  { id: 'line', unit: 'percent', bad: 'above', read: ({ record, facts }) => facts.lineMbps === undefined ? undefined : megabitsPerSecond(record.counters['host.networkOutBytes'] ?? 0, record.durationMs) / facts.lineMbps,
    title: { en: 'Line nearly full', zh: '出口带宽接近上限' },
    advice: { en: 'Move images to COS and a CDN; see the routes that send most in the console.', zh: '请将图片移至 COS 与 CDN；控制台可查看发送最多的接口。' },
    warn: minutes(.7, 10), page: minutes(.9, 3), clear: minutes(.6, 5) },
  { id: 'quota-forecast', unit: 'percent', bad: 'above', read: ({ facts, forecast }) => facts.trafficGB && forecast.monthEndBytes !== undefined ? forecast.monthEndBytes / (facts.trafficGB * GIGA) : undefined,
    title: { en: 'Traffic quota will not last the month', zh: '流量包预计撑不到月底' },
    advice: { en: 'Move images to COS and a CDN, or take the next bundle: `sampan plan`.', zh: '请将图片移至 COS 与 CDN，或升级套餐：`sampan plan`。' },
    warn: minutes(.9, 60), clear: minutes(.85, 60) },
  { id: 'quota', unit: 'percent', bad: 'above', read: ({ facts, forecast }) => facts.trafficGB ? forecast.monthBytes / (facts.trafficGB * GIGA) : undefined,
    title: { en: 'Traffic quota nearly used', zh: '流量包即将用尽' },
    advice: { en: 'Beyond it each GB is billed. Move images to COS and a CDN.', zh: '超出后按 GB 计费；请将图片移至 COS 与 CDN。' },
    page: minutes(.9, 0), clear: minutes(.5, 10) },
  { id: 'disk', unit: 'percent', bad: 'above', read: gauge('host.diskUsed'),
    title: { en: 'Disk nearly full', zh: '磁盘接近用满' },
    advice: { en: '`sampan doctor` lists what is large; old backups and logs first.', zh: '`sampan doctor` 会列出大文件；优先清理旧备份和日志。' },
    warn: minutes(.8, 5), page: minutes(.9, 1), clear: minutes(.77, 5) },
  { id: 'disk-forecast', unit: 'days', bad: 'below', read: ({ forecast, nowMs }) => daysUntil(forecast.diskFullAtMs, nowMs),
    title: { en: 'Disk will be full soon', zh: '磁盘即将用满' },
    advice: { en: 'Free space or grow the disk before that day.', zh: '请在此之前清理或扩容磁盘。' },
    warn: minutes(14, 60), page: minutes(3, 30), clear: minutes(20, 60) },
  { id: 'inodes', unit: 'percent', bad: 'above', read: gauge('host.inodesUsed'),
    title: { en: 'Too many small files', zh: 'inode 即将耗尽' },
    advice: { en: '`df -i` shows it; find the folder with `du --inodes -d1 /`.', zh: '`df -i` 可查看；用 `du --inodes -d1 /` 定位目录。' },
    warn: minutes(.8, 5), page: minutes(.9, 1), clear: minutes(.77, 5) },
  { id: 'latency', unit: 'ms', bad: 'above', read: (view) => { const total = answers(view); return total && latencyQuantileMs(total, .95) },
    title: { en: 'Answers are slow (p95)', zh: '响应变慢（p95）' },
    advice: { en: 'Console → Slow queries has the statement and the index that helps.', zh: '控制台“慢查询”会给出语句和建议索引。' },
    warn: minutes(500, 10), page: minutes(1_000, 5), clear: minutes(350, 5) },
  { id: 'errors', unit: 'percent', bad: 'above', read: (view) => { const total = answers(view); return total && total.errors / total.count },
    title: { en: 'Requests fail', zh: '请求失败增多' },
    advice: { en: 'Console → Logs, filter "failed".', zh: '控制台“日志”，筛选“失败”。' },
    warn: minutes(.01, 5), page: minutes(.05, 2), clear: minutes(.005, 5) },
  { id: 'event-loop', unit: 'ms', bad: 'above', read: gauge('process.loopDelayP99Ms'),
    title: { en: 'The server process is blocked', zh: '服务进程被阻塞' },
    advice: { en: 'Own routes or middleware compute too long; move the work into a function.', zh: '自定义路由或中间件计算过久；请移到云函数中。' },
    warn: minutes(100, 5), page: minutes(500, 2), clear: minutes(70, 5) },
  { id: 'database', unit: 'isDown', bad: 'above', read: gauge('database.isDown'),
    title: { en: 'The database does not answer', zh: '数据库无响应' },
    advice: { en: '`sampan doctor` checks it.', zh: '`sampan doctor` 可检查原因。' },
    page: minutes(.5, 1), clear: minutes(.5, 1) },
  { id: 'database-wait', unit: 'ms', bad: 'above', read: gauge('database.waitMs'),
    title: { en: 'Queries wait for a connection', zh: '数据库连接等待过长' },
    advice: { en: 'Long queries hold the connections: console → Slow queries.', zh: '慢查询占用了连接：见控制台“慢查询”。' },
    warn: minutes(50, 2), clear: minutes(25, 2) },
  { id: 'database-threads', unit: 'count', bad: 'above', read: ({ record, facts }) => { const running = meanOf(record.gauges['database.threadsRunning']); return running === undefined ? undefined : running / facts.cores },
    title: { en: 'The database works on too much at once (per core)', zh: '数据库并发执行过多（每核）' },
    advice: { en: '`SHOW PROCESSLIST` names what runs; console → Slow queries has the index that helps.', zh: '用 `SHOW PROCESSLIST` 查看正在执行的语句；控制台“慢查询”有建议索引。' },
    warn: minutes(2, 2), clear: minutes(1.5, 2) },
  { id: 'slow-queries', unit: 'count', bad: 'above', read: ({ record }) => record.counters['database.slowQueries'] === undefined ? undefined : perSecond(record.counters['database.slowQueries'], record.durationMs),
    title: { en: 'Many slow queries (a second)', zh: '慢查询过多（每秒）' },
    advice: { en: 'Console → Slow queries, or `sampan status --slow`.', zh: '见控制台“慢查询”，或运行 `sampan status --slow`。' },
    warn: minutes(1, 5), clear: minutes(.2, 5) },
  { id: 'cache', unit: 'isDown', bad: 'above', read: gauge('cache.isDown'),
    title: { en: 'Redis does not answer', zh: 'Redis 无响应' },
    advice: { en: 'The server goes on without it, slower: `systemctl status redis-server`.', zh: '服务可继续运行但会变慢：`systemctl status redis-server`。' },
    page: minutes(.5, 1), clear: minutes(.5, 1) },
  { id: 'cache-memory', unit: 'percent', bad: 'above', read: gauge('cache.memoryUsed'),
    title: { en: 'Redis nearly full', zh: 'Redis 内存接近上限' },
    advice: { en: 'Raise `maxmemory`, if the box has memory left.', zh: '若内存充足，请调大 `maxmemory`。' },
    warn: minutes(.9, 5), clear: minutes(.8, 5) },
  { id: 'cache-evictions', unit: 'count', bad: 'above', read: counter('cache.evictions'),
    title: { en: 'Redis throws entries away', zh: 'Redis 正在淘汰数据' },
    advice: { en: 'Nothing is lost that cannot be made again, but it costs time: raise `maxmemory`.', zh: '不会丢失数据，但会变慢：请调大 `maxmemory`。' },
    warn: minutes(0, 5), clear: minutes(0, 5) },
  { id: 'wechat-quota', unit: 'percent', bad: 'above', read: gauge('wechat.quotaUsed'),
    title: { en: 'A WeChat quota is nearly used up', zh: '微信接口配额即将用尽' },
    advice: { en: 'Console → Settings → Calls to WeChat names the API. Quotas start over at midnight.', zh: '控制台“设置 → 今日微信接口调用”可查看是哪个接口；配额每日零点重置。' },
    warn: minutes(.8, 0), page: minutes(.99, 0), clear: minutes(.7, 1) },
  { id: 'jobs', unit: 'count', bad: 'above', read: count('jobs.deadLetters'),
    title: { en: 'Jobs gave up', zh: '有任务最终失败' },
    advice: { en: 'Console → Functions shows them and runs them again.', zh: '控制台“云函数”可查看并重新运行。' },
    warn: minutes(0, 0), clear: minutes(0, 1) },
  { id: 'payments', unit: 'count', bad: 'above', read: count('payments.mismatches'),
    title: { en: 'Payments differ from the bill', zh: '支付与账单不一致' },
    advice: { en: 'Console → Payments lists the orders; mark them as looked at when you have.', zh: '控制台“支付”列出了相关订单，核对后请标记为已查看。' },
    page: minutes(0, 0), clear: minutes(0, 1) },
  { id: 'certificate', unit: 'days', bad: 'below', read: gauge('tls.certificateDaysLeft'),
    title: { en: 'Certificate expires soon', zh: '证书即将过期' },
    advice: { en: 'Renewal failed; `sampan doctor` says why.', zh: '自动续期未成功；`sampan doctor` 可查看原因。' },
    warn: minutes(15, 60), page: minutes(7, 10), clear: minutes(20, 10) },
  { id: 'backup', unit: 'hours', bad: 'above', read: gauge('backup.ageHours'),
    title: { en: 'No recent backup', zh: '备份过期' },
    advice: { en: 'Run `sampan backup` and look at its last message.', zh: '运行 `sampan backup` 并查看输出。' },
    warn: minutes(26, 10), page: minutes(50, 10), clear: minutes(26, 1) },
]

export function formatAlarmValue(unit: AlarmRule['unit'], value: number): string {
  const rounded = (digits: number) => String(Math.round(value * 10 ** digits) / 10 ** digits)
  if (unit === 'percent') return `${Math.round(value * 1000) / 10}%`
  if (unit === 'isDown') return value > 0.5 ? '✗' : '✓'
  if (unit === 'ms') return `${Math.round(value)} ms`
  if (unit === 'days') return `${rounded(1)} d`
  if (unit === 'hours') return `${rounded(1)} h`
  if (unit === 'bytesPerSecond') return `${rounded(0)} B/s`
  return rounded(1)
}
