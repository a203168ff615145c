/** What is worth waking somebody for: one table of signals, thresholds, how long, and what to do. */
import type { BoxFacts } from './box-facts.ts'
import { type Forecast, megabitsPerSecond } from './load-gauge.ts'
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
  { id: 'jobs', unit: 'count', bad: 'above', read: gauge('jobs.deadLetters'),
    title: { en: 'Jobs gave up', zh: '有任务最终失败' },
    advice: { en: 'Console → Functions shows them and runs them again.', zh: '控制台“云函数”可查看并重新运行。' },
    warn: minutes(0, 0), clear: minutes(0, 1) },
  { id: 'payments', unit: 'count', bad: 'above', read: gauge('payments.mismatches'),
    title: { en: 'Payments differ from the bill', zh: '支付与账单不一致' },
    advice: { en: 'Compare the orders that the reconciliation lists.', zh: '请核对对账列出的订单。' },
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
