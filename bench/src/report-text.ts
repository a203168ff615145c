/** The measurement as text for people, in English or Chinese. */
import type { Measurement, StepCost } from './measure.ts'

export type ReportLanguage = 'en' | 'zh'

export function renderTextReport(measurement: Measurement, lang: ReportLanguage): string {
  const say = (en: string, zh: string) => (lang === 'zh' ? zh : en)
  const { machine, scenario, knee, saturation, fsync, kbPerConnection, idleMemoryMb, loadedMemoryMb } = measurement
  const memory = Math.round(machine.memoryMb / 1024)
  const facts: [string, string][] = [
    [say('plan with', '建议按此规划'), `${rate(knee.plannedPerSecond, say)} (p95 ≤ 300 ms, CPU ≤ 70 %)`],
    [say('at saturation', '极限'), `${rate(knee.saturatedPerSecond, say)} (p95 ≤ 300 ms)`],
    [say('closed loop', '闭环最大吞吐'), `${rate(saturation.okPerSecond, say)}, ${latencyText(saturation.latency)}`],
    [say('errors', '错误率'), `${(saturation.errorRatio * 100).toFixed(2)} %`],
    [say('bytes per answer', '平均响应字节'), saturation.bytesPerAnswer.toFixed(0)],
  ]
  if (fsync) facts.push(['fsync', `p50 ${fsync.p50Ms.toFixed(2)} ms, p95 ${fsync.p95Ms.toFixed(2)} ms`])
  if (kbPerConnection !== undefined)
    facts.push([say('memory per connection', '每个连接的内存'), `${kbPerConnection.toFixed(1)} KB`])
  if (idleMemoryMb !== undefined && loadedMemoryMb !== undefined) {
    const text = `${idleMemoryMb.toFixed(0)} MB → ${loadedMemoryMb.toFixed(0)} MB`
    facts.push([say('memory, idle → loaded', '内存(空闲 → 负载)'), text])
  }
  return [
    `${scenario.about[lang]}`,
    `${machine.cpu}, ${machine.cores} ${say('cores', '核')}, ${memory} GB, Node ${machine.node}`,
    '',
    ...table([stepHeader(say), ...measurement.steps.map(stepRow)]),
    '',
    ...factTable(facts),
    '',
    scalingText(measurement, say),
    ...problems(measurement, say),
  ].join('\n')
}

/** What was measured beside its figure. */
export const factTable = (facts: readonly (readonly [string, string])[]): string[] => table(facts, 'left')

type Say = (en: string, zh: string) => string

const rate = (perSecond: number, say: Say) =>
  `${Math.floor(perSecond).toLocaleString('en')} ${say('requests/s', '次/秒')}`

const latencyText = ({ p50Ms, p95Ms, p99Ms }: { p50Ms: number; p95Ms: number; p99Ms: number }) =>
  `p50 ${p50Ms.toFixed(1)} ms, p95 ${p95Ms.toFixed(1)} ms, p99 ${p99Ms.toFixed(1)} ms`

const stepHeader = (say: Say) => [
  say('request', '请求'),
  say('per s alone', '单独压测/秒'),
  say('CPU ms', 'CPU 毫秒'),
  'nginx',
  'node',
  say('functions', '云函数'),
  say('database', '数据库'),
  say('bytes', '字节'),
  'p95 ms',
]

function stepRow({ name, perSecond, cpu, bytesPerAnswer, p95Ms }: StepCost): string[] {
  const ms = (value: number | undefined) => (value === undefined ? '–' : value.toFixed(3))
  const parts = cpu?.msPerRequestByPart
  return [
    name,
    Math.round(perSecond).toLocaleString('en'),
    ms(cpu?.msPerRequest),
    ms(parts?.nginx),
    ms(parts?.node),
    ms(parts?.functions),
    ms(parts?.database),
    bytesPerAnswer.toFixed(0),
    p95Ms.toFixed(1),
  ]
}

function scalingText({ scaling }: Measurement, say: Say): string {
  if (!scaling.isFitted) {
    return say(`Scaling law: no fit (${scaling.reason}).`, `扩展性模型(USL):无法拟合(${scaling.reason})。`)
  }
  const { gamma, alpha, beta, rSquared, bestClients } = scaling
  const numbers = `γ ${gamma.toFixed(0)}, α ${alpha.toFixed(4)}, β ${beta.toExponential(1)}, R² ${rSquared.toFixed(3)}`
  const best =
    bestClients === undefined
      ? say('no maximum within what was measured', '在测量范围内没有极值点')
      : say(`best at ${bestClients.toFixed(0)} clients`, `最佳并发 ${bestClients.toFixed(0)}`)
  return say(`Scaling law: ${numbers}; ${best}.`, `扩展性模型(USL):${numbers};${best}。`)
}

/** What a reader must know before trusting the numbers. */
function problems({ knee, steps, saturation, saturationCpu }: Measurement, say: Say): string[] {
  const lines: string[] = []
  if (knee.probes.some(({ isGeneratorLimited }) => isGeneratorLimited)) {
    lines.push(
      say(
        '! The generator was late in some probes: the server may carry more.',
        '! 部分探测中发压端自身延迟较大,服务器实际能力可能更高。',
      ),
    )
  }
  if (!saturationCpu) {
    lines.push(
      say(
        '! The server’s processes cannot be seen from here: no CPU figures.',
        '! 无法读取服务器进程信息,缺少 CPU 数据。',
      ),
    )
  }
  for (const { name, errorRatio } of steps) {
    if (errorRatio > 0.001) lines.push(`! ${name}: ${(errorRatio * 100).toFixed(1)} % ${say('errors', '错误')}`)
  }
  for (const { name, problems: met } of saturation.steps) {
    const reasons = Object.entries(met).map(([reason, times]) => `${reason} × ${times}`)
    if (reasons.length) lines.push(`! ${name}: ${reasons.join(', ')}`)
  }
  return lines
}

/** Chinese characters are two columns wide on a terminal. */
const width = (text: string) => [...text].reduce((sum, char) => sum + (/[\u2e80-\uffef]/.test(char) ? 2 : 1), 0)

function table(rows: readonly (readonly string[])[], align: 'left' | 'right' = 'right'): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((cells) => width(cells[column] ?? ''))))
  return rows.map((cells) =>
    cells
      .map((cell, column) => {
        const fill = ' '.repeat(Math.max(0, (widths[column] ?? 0) - width(cell)))
        return column === 0 || align === 'left' ? cell + fill : fill + cell
      })
      .join('  ')
      .trimEnd(),
  )
}
