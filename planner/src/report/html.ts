/** The answer as one self-contained page: no script, no font, no request; light and dark; readable on a phone. */

import type { Constraint } from '../constraints.ts'
import { escapeXml, renderSvg } from '../drawing/svg.ts'
import type { Alternative, PlanResult } from '../plan.ts'
import { formatNumber, formatPercent, type Language, type Text, text } from '../text.ts'
import {
  bundleWords,
  CONFIDENCE_WORDS,
  COST_WORDS,
  PROVENANCE_WORDS,
  perMonth,
  unitWords,
  VERDICT_SENTENCES,
} from './words.ts'

export async function renderHtml(result: PlanResult, lang: Language = 'en'): Promise<string> {
  const say = (words: Text) => escapeXml(words[lang])
  const [light, dark] = await Promise.all([
    renderSvg(result, { lang, theme: 'light' }),
    renderSvg(result, { lang, theme: 'dark' }),
  ])
  const { recommendation, headroom, flip, watch, notes, sources } = result
  const title = say(VERDICT_SENTENCES[result.verdict])
  const reach =
    headroom.dau === null
      ? ''
      : say(text(` · up to ${formatNumber(headroom.dau)} daily users`, ` · 可到日活 ${formatNumber(headroom.dau)}`))
  const section = (heading: Text, body: string) => `<section><h2>${say(heading)}</h2>${body}</section>`
  const list = (items: readonly string[], tag = 'ul') =>
    `<${tag}>${items.map((item) => `<li>${item}</li>`).join('')}</${tag}>`

  return `<!doctype html>
<html lang="${lang === 'zh' ? 'zh-CN' : 'en'}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<header class="${result.verdict}">
<h1>${title}</h1>
<p>${escapeXml(bundleWords(result.about.bundle, lang))}</p>
<p><strong>${formatNumber(headroom.factor)} ×</strong> ${say(text('headroom', '余量'))}${reach}</p>
<p>${say(flip.text)}</p>
<p class="quiet">${say(text('Confidence', '置信度'))}: ${say(CONFIDENCE_WORDS[result.confidence])}</p>
</header>
${section(text('Resources at the busiest moments', '最忙时刻的资源'), `<div class="bars">${result.constraints.map((constraint) => bar(constraint, lang)).join('')}</div>`)}
${section(
  text('Recommended', '推荐'),
  `<h3>${say(recommendation.title)} · ${escapeXml(perMonth(recommendation.monthlyCost.total, lang))}</h3>${recommendation.bundle ? `<p>${escapeXml(bundleWords(recommendation.bundle, lang))}</p>` : ''}<p class="quiet">${costs(recommendation, say)}</p>${list(
    recommendation.steps.map((step) => withCode(say(step))),
    'ol',
  )}`,
)}
${section(text('Architecture', '架构'), `<div class="drawing light">${withIds(light, 'light')}</div><div class="drawing dark">${withIds(dark, 'dark')}</div>`)}
${section(text('Other ways', '其他方案'), alternativesTable(result.alternatives, lang))}
${section(text('Come back when', '何时再来看'), list(watch.map(say)))}
${notes.length > 0 ? section(text('Remarks', '说明'), list(notes.map(say))) : ''}
${section(text('Sources', '来源'), list(sources.map(({ title: name, url, asOf }) => [url ? `<a href="${escapeXml(url)}">${say(name)}</a>` : say(name), asOf].filter(Boolean).join(' · '))))}
</main>
</body>
</html>
`
}

function bar({ name, utilisation, demand, limit, unit, source, detail }: Constraint, lang: Language): string {
  const say = (words: Text) => escapeXml(words[lang])
  const level = utilisation > 1 ? 'over' : utilisation > 0.7 ? 'high' : 'fine'
  const width = Math.min(100, Math.round(utilisation * 100))
  const figures = `${formatNumber(demand)} / ${formatNumber(limit)} ${escapeXml(unitWords(unit, lang))} · ${say(PROVENANCE_WORDS[source])}`
  return `<div class="row" title="${say(detail)}"><span>${say(name)}</span><span class="track"><span class="fill ${level}" style="width:${width}%"></span></span><span class="share">${formatPercent(utilisation)}</span><span class="quiet">${figures}</span></div>`
}

const costs = ({ monthlyCost }: Alternative, say: (words: Text) => string): string =>
  Object.entries(monthlyCost.parts)
    .map(([part, yuan]) => `${say(COST_WORDS[part as keyof typeof COST_WORDS])} ${formatNumber(yuan)}`) // safe: parts are keyed by CostPart
    .join(' + ')

function alternativesTable(alternatives: readonly Alternative[], lang: Language): string {
  const rows = alternatives.map(({ title, reason, bundle, monthlyCost }) => {
    const size = bundle ? `<br><span class="quiet">${escapeXml(bundleWords(bundle, lang))}</span>` : ''
    return `<tr><td>${escapeXml(title[lang])}${size}</td><td class="price">${escapeXml(perMonth(monthlyCost.total, lang))}</td><td>${escapeXml(reason[lang])}</td></tr>`
  })
  return `<div class="scroll"><table>${rows.join('')}</table></div>`
}

/** Commands stand between backticks in the texts. */
const withCode = (escaped: string): string => escaped.replaceAll(/`([^`]+)`/g, '<code>$1</code>')

/** Two drawings on one page must not share the ids of their titles. */
const withIds = (svg: string, suffix: string): string =>
  svg
    .replace('id="t"', `id="t-${suffix}"`)
    .replace('id="d"', `id="d-${suffix}"`)
    .replace('"t d"', `"t-${suffix} d-${suffix}"`)

const STYLE = `
:root{color-scheme:light dark;--text:#16202c;--quiet:#5c6b7d;--page:#f3f5f8;--card:#fff;--line:#e1e6ec;--fine:#07a35a;--high:#d98200;--over:#d0342c}
@media(prefers-color-scheme:dark){:root{--text:#e8edf3;--quiet:#9aa8b8;--page:#0c1015;--card:#151b23;--line:#2a333f;--fine:#3ccb86;--high:#f0a94a;--over:#ff7a70}}
*{box-sizing:border-box}body{margin:0;background:var(--page);color:var(--text);font:16px/1.6 'PingFang SC','Microsoft YaHei','Noto Sans CJK SC','WenQuanYi Micro Hei',system-ui,sans-serif}
main{max-width:1080px;margin:0 auto;padding:24px 16px 64px}header,section{background:var(--card);border:1px solid var(--line);border-radius:12px;padding:20px 24px;margin-bottom:16px}
header{border-left:6px solid var(--fine)}header.tight{border-left-color:var(--high)}header.not-enough,header.not-a-fit{border-left-color:var(--over)}
h1{font-size:26px;margin:0 0 8px}h2{font-size:18px;margin:0 0 12px}h3{font-size:16px;margin:0 0 4px}p{margin:4px 0}.quiet{color:var(--quiet);font-size:14px}
.row{display:grid;grid-template-columns:120px 1fr 56px minmax(200px,auto);gap:12px;align-items:center;padding:5px 0}.track{height:10px;border-radius:5px;background:var(--line);overflow:hidden}.fill{display:block;height:100%;border-radius:5px;background:var(--fine)}.fill.high{background:var(--high)}.fill.over{background:var(--over)}.share{text-align:right;font-variant-numeric:tabular-nums}
.scroll,.drawing{overflow-x:auto}.drawing svg{max-width:100%;height:auto;min-width:720px}.drawing.dark{display:none}@media(prefers-color-scheme:dark){.drawing.light{display:none}.drawing.dark{display:block}}
table{width:100%;border-collapse:collapse}td{padding:8px 12px 8px 0;border-top:1px solid var(--line);vertical-align:top}.price{white-space:nowrap;font-variant-numeric:tabular-nums}li{margin:4px 0}a{color:inherit}
@media(max-width:640px){.row{grid-template-columns:90px 1fr 52px}.row .quiet{grid-column:1/-1}header,section{padding:16px}}
`.trim()
