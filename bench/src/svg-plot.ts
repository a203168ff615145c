/** A small line plot as SVG text: no script, no dependency, readable in any mail client. */
export type Series = { readonly label: string; readonly points: readonly { readonly x: number; readonly y: number }[] }

export type Plot = {
  readonly title: string
  readonly xLabel: string
  readonly yLabel: string
  readonly series: readonly Series[]
  /** A horizontal line, such as a promise that must be kept. */
  readonly limit?: number
  readonly isLogX?: boolean
  readonly isLogY?: boolean
}

const WIDTH = 640
const HEIGHT = 300
const LEFT = 70
const BOTTOM = 45
const TOP = 34
const RIGHT = 16
const COLORS = ['#0052d9', '#e37318', '#2ba471', '#d54941']
const TICKS = 5

export function renderPlot(plot: Plot): string {
  const all = plot.series.flatMap(({ points }) => points)
  const x = scale(
    all.map((point) => point.x),
    [LEFT, WIDTH - RIGHT],
    plot.isLogX ?? false,
  )
  const ys = all.map((point) => point.y)
  if (plot.limit !== undefined) ys.push(plot.limit)
  const y = scale(plot.isLogY ? ys : [0, ...ys], [HEIGHT - BOTTOM, TOP], plot.isLogY ?? false)
  return [
    `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" xmlns="http://www.w3.org/2000/svg" role="img" aria-label="${escapeXml(plot.title)}">`,
    `<text x="${LEFT}" y="18" class="title">${escapeXml(plot.title)}</text>`,
    ...x.ticks.map((tick) => label(x.at(tick), HEIGHT - BOTTOM + 16, short(tick), 'middle')),
    ...y.ticks.flatMap((tick) => [
      `<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y.at(tick)}" y2="${y.at(tick)}" class="grid"/>`,
      label(LEFT - 6, y.at(tick) + 4, short(tick), 'end'),
    ]),
    label((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 8, plot.xLabel, 'middle'),
    label(LEFT, TOP - 4, plot.yLabel, 'start'),
    plot.limit === undefined
      ? ''
      : `<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y.at(plot.limit)}" y2="${y.at(plot.limit)}" class="limit"/>`,
    ...plot.series.flatMap((series, index) =>
      renderSeries(series, COLORS[index % COLORS.length] ?? '', index, x.at, y.at),
    ),
    '</svg>',
  ].join('')
}

function renderSeries(
  { label: name, points }: Series,
  color: string,
  index: number,
  atX: (value: number) => number,
  atY: (value: number) => number,
): string[] {
  const places = points.map((point) => `${atX(point.x).toFixed(1)},${atY(point.y).toFixed(1)}`)
  return [
    `<polyline points="${places.join(' ')}" fill="none" stroke="${color}" stroke-width="2"/>`,
    ...places.map((place) => {
      const [cx, cy] = place.split(',')
      return `<circle cx="${cx}" cy="${cy}" r="3" fill="${color}"/>`
    }),
    `<text x="${WIDTH - RIGHT}" y="${18 + index * 14}" text-anchor="end" fill="${color}">${escapeXml(name)}</text>`,
  ]
}

function scale(values: readonly number[], [from, to]: readonly [number, number], isLog: boolean) {
  const finite = values.filter((value) => Number.isFinite(value) && (!isLog || value > 0))
  const low = Math.min(...finite)
  const high = Math.max(...finite)
  const forward = isLog ? Math.log : (value: number) => value
  const back = isLog ? Math.exp : (value: number) => value
  const span = forward(high) - forward(low) || 1
  return {
    at: (value: number) => from + ((forward(value) - forward(low)) / span) * (to - from),
    ticks: finite.length ? Array.from({ length: TICKS }, (_, i) => back(forward(low) + (span * i) / (TICKS - 1))) : [],
  }
}

const label = (x: number, y: number, text: string, anchor: string) =>
  `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="${anchor}">${escapeXml(text)}</text>`

const short = (value: number) =>
  value >= 1000 ? `${(value / 1000).toFixed(1)}k` : Number(value.toPrecision(3)).toString()

export const escapeXml = (text: string) =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
