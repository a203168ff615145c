/** Figures of the overload and of the flash sale as text for people. */
import type { LatencySummary } from './latency-histogram.ts'
import type { FlashSaleFigures } from './measure-flash-sale.ts'
import type { OverloadFigures } from './measure-overload.ts'
import { factTable, type ReportLanguage } from './report-text.ts'

export function renderOverloadReport(figures: OverloadFigures, lang: ReportLanguage): string {
  const say = (en: string, zh: string) => (lang === 'zh' ? zh : en)
  const { peakPerSecond, offeredPerSecond, okPerSecond, goodputShare, goodputShareByCost, steps, afterwards } = figures
  const times = (offeredPerSecond / peakPerSecond).toFixed(0)
  const byCost =
    goodputShareByCost === undefined
      ? ''
      : say(`, ${percent(goodputShareByCost)} by CPU cost`, `,按 CPU 成本计 ${percent(goodputShareByCost)}`)
  const withHeader = percent(figures.refusalsWithRetryAfter / Math.max(1, figures.refusals))
  const facts: [string, string][] = [
    [say('carries at most', '最大吞吐'), `${whole(peakPerSecond)}/s`],
    [say('offered', '施加负载'), `${whole(offeredPerSecond)}/s (${times} ×)`],
    [say('still answered', '仍正常响应'), `${whole(okPerSecond)}/s (${percent(goodputShare)}${byCost})`],
    ...steps.map(({ name, answeredShare }): [string, string] => [`  ${name}`, percent(answeredShare)]),
    [say('latency of answers', '正常响应延迟'), latencyText(figures.acceptedLatency)],
    [
      say('refusals', '拒绝'),
      `${whole(figures.refusals)}, ${latencyText(figures.refusalLatency)}, Retry-After ${withHeader}`,
    ],
    [say('failures', '失败'), whole(figures.failed)],
    [
      say('afterwards, at half the rate', '过载后(一半速率)'),
      say(
        `p95 ${afterwards.p95Ms.toFixed(0)} ms, ${percent(afterwards.errorRatio)} errors`,
        `p95 ${afterwards.p95Ms.toFixed(0)} ms,错误率 ${percent(afterwards.errorRatio)}`,
      ),
    ],
  ]
  if (figures.residentMb !== undefined) facts.push([say('memory', '内存'), `${figures.residentMb.toFixed(0)} MB`])
  const late = figures.generatorLateP99Ms
  if (late > LATE_MS) {
    facts.push([
      '!',
      say(
        `The generator was ${late.toFixed(0)} ms late: latencies are too high.`,
        `发压端延迟 ${late.toFixed(0)} ms,延迟数据偏高。`,
      ),
    ])
  }
  return factTable(facts).join('\n')
}

export function renderFlashSaleReport(figures: FlashSaleFigures, lang: ReportLanguage): string {
  const say = (en: string, zh: string) => (lang === 'zh' ? zh : en)
  const { buyers, units, pressSeconds, sold, oversold, remaining, soldOut, refused, failed, latency } = figures
  const crowd = say(
    `${whole(buyers)} in ${pressSeconds} s for ${whole(units)} units`,
    `${pressSeconds} 秒内 ${whole(buyers)} 人抢 ${whole(units)} 件`,
  )
  return factTable([
    [say('buyers', '买家'), crowd],
    [say('sold', '售出'), `${whole(sold)}${say(', left: ', ',剩余 ')}${whole(remaining)}`],
    [say('oversold', '超卖'), oversold === 0 ? '0' : `✗ ${whole(oversold)}`],
    [say('told sold out', '告知售罄'), whole(soldOut)],
    [say('refused, failed', '限流、失败'), `${whole(refused)}, ${whole(failed)}`],
    [say('latency', '延迟'), latencyText(latency)],
    [
      say('this box can sell', '本机最大售出速率'),
      `${whole(figures.mostPerSecond)}/s, ${latencyText(figures.mostLatency)}`,
    ],
    [say('answered but not stored', '已应答但未落盘'), figures.lost === 0 ? '0' : `✗ ${whole(figures.lost)}`],
  ]).join('\n')
}

const LATE_MS = 50
const whole = (value: number) => Math.round(value).toLocaleString('en')
const percent = (share: number) => `${(share * 100).toFixed(share < 0.1 ? 1 : 0)} %`
const latencyText = ({ p50Ms, p95Ms, p99Ms }: LatencySummary) =>
  `p50 ${p50Ms.toFixed(1)} ms, p95 ${p95Ms.toFixed(1)} ms, p99 ${p99Ms.toFixed(1)} ms`
