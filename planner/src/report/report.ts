/** The answer as plain text for a terminal: the verdict first, then why, then what to do. */
import { PROMOTIONS } from '../catalogue/promotions.ts'
import { UNVERIFIED } from '../catalogue/unverified.ts'
import type { Constraint } from '../constraints.ts'
import type { Alternative, PlanResult } from '../plan.ts'
import { formatNumber, formatPercent, type Language, type Text, text } from '../text.ts'
import { alignRows } from './table.ts'
import {
  bundleWords,
  CONFIDENCE_WORDS,
  COST_WORDS,
  PROVENANCE_WORDS,
  perMonth,
  unitWords,
  VERDICT_SENTENCES,
} from './words.ts'

export function renderReport(result: PlanResult, lang: Language = 'en'): string {
  const say = (words: Text) => words[lang]
  const head = (words: Text) => `\n${say(words)}`
  const { about, recommendation, notes } = result
  const isAnswered = result.verdict === 'enough' || result.verdict === 'enough-if'
  const lines = [
    say(VERDICT_SENTENCES[result.verdict]),
    `${about.isGiven ? '' : say(isAnswered ? text('Smallest that fits: ', '能用的最小配置：') : text('Closest of the light servers: ', '最接近的轻量配置：'))}${bundleWords(about.bundle, lang)}`,
    '',
    ...alignRows(summaryRows(result, say), 2),
    head(text('Resources at the busiest moments', '最忙时刻的资源')),
    ...alignRows(result.constraints.map((constraint) => constraintRow(constraint, lang))).map(indent),
    head(text('Load', '负载')),
    ...alignRows(demandRows(result, say)).map(indent),
    head(text('Recommended', '推荐')),
    `  ${say(recommendation.title)}${recommendation.bundle ? ` · ${bundleWords(recommendation.bundle, lang)}` : ''}`,
    `  ${perMonth(recommendation.monthlyCost.total, lang)} = ${costSum(recommendation, say)}`,
    ...recommendation.steps.map((step, index) => `  ${index + 1}. ${say(step)}`),
    head(text('Other ways', '其他方案')),
    ...alignRows(result.alternatives.map((alternative) => alternativeRow(alternative, lang))).map(indent),
    head(text('Come back when', '何时再来看')),
    ...result.watch.map((watch) => `  · ${say(watch)}`),
    ...(notes.length > 0 ? [head(text('Remarks', '说明')), ...notes.map((note) => `  · ${say(note)}`)] : []),
    head(text('Prices are list prices by the month', '价格均为按月列表价')),
    ...PROMOTIONS.slice(0, 2).map((promotion) => `  · ${promotionWords(promotion, say)}`),
    head(text('Not verified', '尚未核实')),
    ...UNVERIFIED.map(({ about: words }) => `  · ${say(words)}`),
    head(text('Sources', '来源')),
    ...result.sources.map(({ title, url, asOf }) => `  · ${[say(title), asOf, url].filter(Boolean).join(' · ')}`),
  ]
  return `${lines.join('\n')}\n`
}

function summaryRows(
  { constraints, headroom, flip, confidence }: PlanResult,
  say: (words: Text) => string,
): string[][] {
  const [first, second, third] = constraints
  const next = [second, third].flatMap((constraint) => (constraint ? [share(constraint, say)] : []))
  const then = [say(text('Then', '其次')), next.join(say(text(', ', '，')))]
  const last = [
    [say(text('What flips it', '什么会改变结论')), say(flip.text)],
    [say(text('Confidence', '置信度')), say(CONFIDENCE_WORDS[confidence])],
  ]
  if (!first) return last
  if (first.resource === 'requirement')
    return [
      [say(text('Because', '原因')), `${say(first.name)}${say(text('. ', '。'))}${say(first.detail)}`],
      then,
      ...last,
    ]
  const reach =
    headroom.dau === null
      ? ''
      : say(text(`, up to ${formatNumber(headroom.dau)} daily users`, `，可到日活 ${formatNumber(headroom.dau)}`))
  const room = [say(text('Headroom', '余量')), `${formatNumber(headroom.factor)} ×${reach}`]
  return [[say(text('Binds first', '最先到顶')), share(first, say)], then, room, ...last]
}

const share = ({ name, utilisation }: Constraint, say: (words: Text) => string) =>
  `${say(name)} ${formatPercent(utilisation)}`

function constraintRow({ name, utilisation, demand, limit, unit, source }: Constraint, lang: Language): string[] {
  const say = (words: Text) => words[lang]
  return [
    say(name),
    formatPercent(utilisation),
    `${formatNumber(demand)} ${say(text('of', '/'))} ${formatNumber(limit)} ${unitWords(unit, lang)}`,
    say(PROVENANCE_WORDS[source]),
  ]
}

function demandRows({ demand }: PlanResult, say: (words: Text) => string): string[][] {
  const { mean, peakP50, peakP90, planned } = demand.requestsPerSecond
  const rows = [
    [
      say(text('Requests per second', '每秒请求')),
      say(
        text(
          `${formatNumber(mean)} on average; busiest minute ${formatNumber(peakP50)} likely, ${formatNumber(peakP90)} at worst; planned with ${formatNumber(planned)}`,
          `日均 ${formatNumber(mean)}；最忙一分钟多半 ${formatNumber(peakP50)}，至多 ${formatNumber(peakP90)}；按 ${formatNumber(planned)} 规划`,
        ),
      ),
    ],
    [say(text('People at once', '同时在线')), formatNumber(demand.concurrentUsers)],
    [say(text('Line', '带宽')), `${formatNumber(demand.megabitPerSecond)} Mbps`],
    [
      say(text('Traffic', '流量')),
      say(
        text(
          `${formatNumber(demand.trafficGBPerMonth)} GB a month`,
          `每月 ${formatNumber(demand.trafficGBPerMonth)} GB`,
        ),
      ),
    ],
    [say(text('Writes per second', '每秒写入')), formatNumber(demand.writesPerSecond)],
  ]
  if (demand.connections > 0) rows.push([say(text('WebSockets', 'WebSocket')), formatNumber(demand.connections)])
  return rows
}

const costSum = ({ monthlyCost }: Alternative, say: (words: Text) => string): string =>
  Object.entries(monthlyCost.parts)
    .map(([part, yuan]) => `${say(COST_WORDS[part as keyof typeof COST_WORDS])} ${formatNumber(yuan)}`) // safe: parts are keyed by CostPart
    .join(' + ')

function alternativeRow({ title, bundle, monthlyCost, reason }: Alternative, lang: Language): string[] {
  const size = bundle
    ? ` ${formatNumber(bundle.cores)}C${formatNumber(bundle.memoryGB)}G ${formatNumber(bundle.mbps)}M`
    : ''
  return [perMonth(monthlyCost.total, lang), `${title[lang]}${size}`, reason[lang]]
}

function promotionWords(
  { offer, yuanPerYear, renewalYuanPerMonth }: (typeof PROMOTIONS)[number],
  say: (words: Text) => string,
): string {
  return say(
    text(
      `Offer: ${offer.en} for ¥${yuanPerYear} a year; renewal ¥${renewalYuanPerMonth} a month.`,
      `优惠：${offer.zh}，每年 ¥${yuanPerYear}；续费 ¥${renewalYuanPerMonth} / 月。`,
    ),
  )
}

const indent = (line: string) => `  ${line}`
