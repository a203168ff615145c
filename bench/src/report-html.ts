/** The measurement as one self-contained page: plots are inline SVG, nothing is loaded from anywhere. */
import { KNEE_LIMITS } from './find-knee.ts'
import type { Measurement } from './measure.ts'
import { type ReportLanguage, renderTextReport } from './report-text.ts'
import { escapeXml, type Plot, renderPlot } from './svg-plot.ts'

const STYLE = `body{font:15px/1.6 system-ui,"PingFang SC","Microsoft YaHei",sans-serif;max-width:720px;margin:2em auto;padding:0 1em;color:#181818}
pre{background:#f3f3f3;padding:1em;overflow-x:auto;font-size:13px;line-height:1.45}
svg{width:100%;height:auto;margin:1em 0;font:11px system-ui,sans-serif}.title{font-size:14px;font-weight:600}
.grid{stroke:#e7e7e7}.limit{stroke:#d54941;stroke-dasharray:5 4}`

export function renderHtmlReport(measurement: Measurement, lang: ReportLanguage): string {
  const title = lang === 'zh' ? '舢板压测报告' : 'Sampan bench report'
  const plots = [latencyPlot(measurement, lang), utilisationPlot(measurement, lang), scalingPlot(measurement, lang)]
  return [
    `<!doctype html><html lang="${lang === 'zh' ? 'zh-CN' : 'en'}"><meta charset="utf-8">`,
    `<meta name="viewport" content="width=device-width,initial-scale=1"><title>${title}</title><style>${STYLE}</style>`,
    `<h1>${title}</h1><p>${escapeXml(measurement.takenAt)}</p>`,
    `<pre>${escapeXml(renderTextReport(measurement, lang))}</pre>`,
    ...plots.filter(({ series }) => series.some(({ points }) => points.length > 1)).map(renderPlot),
    '</html>\n',
  ].join('\n')
}

function latencyPlot({ knee }: Measurement, lang: ReportLanguage): Plot {
  const { probes } = knee
  return {
    title: lang === 'zh' ? '延迟随请求速率的变化' : 'Latency by arrival rate',
    xLabel: lang === 'zh' ? '每秒请求数(开环)' : 'requests per second (open loop)',
    yLabel: 'ms',
    series: [
      { label: 'p95', points: probes.map(({ perSecond, p95Ms }) => ({ x: perSecond, y: p95Ms })) },
      { label: 'p99', points: probes.map(({ perSecond, p99Ms }) => ({ x: perSecond, y: p99Ms })) },
    ],
    limit: KNEE_LIMITS.p95Ms,
    isLogY: true,
  }
}

function utilisationPlot({ knee }: Measurement, lang: ReportLanguage): Plot {
  const points = knee.probes
    .filter(({ utilisation }) => Number.isFinite(utilisation))
    .map(({ perSecond, utilisation }) => ({ x: perSecond, y: utilisation * 100 }))
  return {
    title: lang === 'zh' ? 'CPU 利用率随请求速率的变化' : 'CPU by arrival rate',
    xLabel: lang === 'zh' ? '每秒请求数(开环)' : 'requests per second (open loop)',
    yLabel: '%',
    series: [{ label: 'CPU', points }],
    limit: KNEE_LIMITS.utilisation * 100,
  }
}

function scalingPlot({ scaling }: Measurement, lang: ReportLanguage): Plot {
  const measured = scaling.points.map(({ clients, perSecond }) => ({ x: clients, y: perSecond }))
  const series = [{ label: lang === 'zh' ? '实测' : 'measured', points: measured }]
  if (scaling.isFitted) {
    const { gamma, alpha, beta } = scaling
    const law = (n: number) => (gamma * n) / (1 + alpha * (n - 1) + beta * n * (n - 1))
    series.push({ label: 'USL', points: measured.map(({ x }) => ({ x, y: law(x) })) })
  }
  return {
    title: lang === 'zh' ? '吞吐随并发数的变化' : 'Throughput by concurrent clients',
    xLabel: lang === 'zh' ? '并发客户端' : 'concurrent clients',
    yLabel: lang === 'zh' ? '次/秒' : 'requests/s',
    series,
    isLogX: true,
  }
}
