/** The drawing as one SVG string: deterministic, self-contained, readable by a screen reader and by image converters. */
import type { Architecture } from '../architecture.ts'
import type { PlanResult } from '../plan.ts'
import type { Language, Text } from '../text.ts'
import {
  BADGE_INSET,
  BADGE_SIZE,
  DETAIL_SIZE,
  EDGE_LABEL_SIZE,
  formatPrice,
  GROUP_LABEL_SIZE,
  LABEL_SIZE,
  type Layout,
  layOut,
  type PlacedEdge,
  type PlacedGroup,
  type PlacedNode,
  type Point,
} from './layout.ts'
import { FONTS, PALETTES, type Palette, type Theme } from './palette.ts'
import { textWidth } from './text-width.ts'

export type DrawingOptions = { readonly lang?: Language; readonly theme?: Theme }

const MARGIN = 28
const HEADER = 58
/** Room below the cards for the badge of the binding component at the lower edge. */
const FOOTER = 14
const CORNER = 8

/** The recommended design of a plan. Asynchronous because the layout engine is. */
export async function renderSvg(
  { architecture, recommendation }: Pick<PlanResult, 'architecture' | 'recommendation'>,
  { lang = 'en', theme = 'light' }: DrawingOptions = {},
): Promise<string> {
  const layout = await layOut(architecture, lang)
  const total =
    lang === 'zh'
      ? `约 ${formatPrice(recommendation.monthlyCost.total)} / 月`
      : `about ${formatPrice(recommendation.monthlyCost.total)} a month`
  return compose(architecture, layout, {
    title: recommendation.title[lang],
    subtitle: total,
    lang,
    palette: PALETTES[theme],
  })
}

type Drawing = { title: string; subtitle: string; lang: Language; palette: Palette }

function compose(architecture: Architecture, layout: Layout, { title, subtitle, lang, palette }: Drawing): string {
  const width = Math.ceil(Math.max(layout.width, textWidth(title, 18)) + MARGIN * 2)
  const height = Math.ceil(layout.height + HEADER + MARGIN + FOOTER)
  const badge = architecture.binding.label[lang]
  const say = (words: Text) => words[lang]
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" aria-labelledby="t d" font-family="${FONTS}">`,
    `<title id="t">${escapeXml(title)}</title>`,
    `<desc id="d">${escapeXml(describe(architecture, say))}</desc>`,
    `<rect width="${width}" height="${height}" rx="12" fill="${palette.background}"/>`,
    words(MARGIN, 32, title, { size: 18, fill: palette.text, weight: 600 }),
    words(MARGIN, 51, subtitle, { size: 12, fill: palette.muted }),
    `<g transform="translate(${MARGIN} ${HEADER})">`,
    ...layout.groups.map((group) => drawGroup(group, say, palette)),
    ...layout.edges.map((edge) => drawEdge(edge, palette)),
    ...layout.nodes.map((node) => drawNode(node, say, palette)),
    ...layout.edges.map((edge) => drawEdgeLabel(edge, say, palette)),
    ...[...layout.groups, ...layout.nodes].map((placed) => drawBadge(placed, badge, palette)),
    '</g>',
    '</svg>',
  ]
  return `${parts.filter(Boolean).join('\n')}\n`
}

function drawGroup({ group, x, y, width, height }: PlacedGroup, say: (text: Text) => string, palette: Palette): string {
  const price = group.yuanPerMonth === null ? '' : formatPrice(group.yuanPerMonth)
  const border = group.isBinding ? palette.binding : palette.frameBorder
  return [
    `<rect x="${round(x)}" y="${round(y)}" width="${round(width)}" height="${round(height)}" rx="12" fill="${palette.frame}" stroke="${border}" stroke-width="${group.isBinding ? 2 : 1.2}"${group.isBinding ? '' : ' stroke-dasharray="5 4"'}/>`,
    words(x + 22, y + 28, say(group.label), { size: GROUP_LABEL_SIZE, fill: palette.text, weight: 600 }),
    price && words(x + width - 22, y + 28, price, { size: GROUP_LABEL_SIZE, fill: palette.muted, anchor: 'end' }),
  ]
    .filter(Boolean)
    .join('\n')
}

function drawNode({ node, x, y, width, height }: PlacedNode, say: (text: Text) => string, palette: Palette): string {
  const colour = palette.kinds[node.kind]
  const border = node.isBinding ? palette.binding : palette.border
  const left = x + 22
  return [
    `<rect x="${round(x)}" y="${round(y)}" width="${round(width)}" height="${round(height)}" rx="${CORNER}" fill="${node.isBinding ? palette.bindingFill : palette.card}" stroke="${border}" stroke-width="${node.isBinding ? 2 : 1}"/>`,
    `<rect x="${round(x + 8)}" y="${round(y + 12)}" width="4" height="${round(height - 24)}" rx="2" fill="${colour}"/>`,
    words(left, y + 26, say(node.label), { size: LABEL_SIZE, fill: palette.text, weight: 600 }),
    words(left, y + 45, say(node.detail), { size: DETAIL_SIZE, fill: palette.muted }),
    node.yuanPerMonth !== null &&
      words(x + width - 14, y + 26, formatPrice(node.yuanPerMonth), {
        size: DETAIL_SIZE,
        fill: palette.muted,
        anchor: 'end',
      }),
  ]
    .filter(Boolean)
    .join('\n')
}

/** A label astride the lower edge of what binds. */
function drawBadge(placed: PlacedNode | PlacedGroup, label: string, palette: Palette): string {
  if (!('node' in placed ? placed.node : placed.group).isBinding) return ''
  const x = placed.x + BADGE_INSET
  const y = placed.y + placed.height
  const width = textWidth(label, BADGE_SIZE) + 16
  return [
    `<rect x="${round(x)}" y="${round(y - 9)}" width="${round(width)}" height="18" rx="9" fill="${palette.binding}"/>`,
    words(x + width / 2, y + 4, label, { size: BADGE_SIZE, fill: palette.onBinding, anchor: 'middle', weight: 600 }),
  ].join('\n')
}

function drawEdge({ points }: PlacedEdge, palette: Palette): string {
  const end = points.at(-1)
  const before = points.at(-2)
  if (!end || !before) return ''
  return `<path d="${roundedPath(points)}" fill="none" stroke="${palette.line}" stroke-width="1.4"/>\n${arrowHead(before, end, palette.line)}`
}

function drawEdgeLabel({ edge, label }: PlacedEdge, say: (text: Text) => string, palette: Palette): string {
  if (!edge.label || !label) return ''
  const { x, y, width } = label
  return words(x + width / 2, y + 11, say(edge.label), {
    size: EDGE_LABEL_SIZE,
    fill: palette.muted,
    anchor: 'middle',
    halo: palette.background,
  })
}

/** Right angles with their corners taken off. */
function roundedPath(points: readonly Point[]): string {
  const commands = points.map((point, index) => {
    const before = points[index - 1]
    const after = points[index + 1]
    if (!before) return `M${at(point)}`
    if (!after) return `L${at(point)}`
    return `L${at(towards(point, before))}Q${at(point)} ${at(towards(point, after))}`
  })
  return commands.join('')
}

/** The point a corner radius away from `from`, at most half-way to `to`. */
function towards(from: Point, to: Point): Point {
  const length = Math.hypot(to.x - from.x, to.y - from.y) || 1
  const step = Math.min(CORNER, length / 2) / length
  return { x: from.x + (to.x - from.x) * step, y: from.y + (to.y - from.y) * step }
}

function arrowHead(before: Point, end: Point, colour: string): string {
  const angle = Math.atan2(end.y - before.y, end.x - before.x)
  const side = (turn: number) => ({ x: end.x - 8 * Math.cos(angle + turn), y: end.y - 8 * Math.sin(angle + turn) })
  return `<path d="M${at(end)}L${at(side(0.45))}L${at(side(-0.45))}Z" fill="${colour}"/>`
}

type TextStyle = { size: number; fill: string; weight?: number; anchor?: 'middle' | 'end'; halo?: string }

function words(x: number, y: number, label: string, { size, fill, weight, anchor, halo }: TextStyle): string {
  const extra = [
    weight ? ` font-weight="${weight}"` : '',
    anchor ? ` text-anchor="${anchor}"` : '',
    halo ? ` stroke="${halo}" stroke-width="4" stroke-linejoin="round" paint-order="stroke"` : '',
  ].join('')
  return `<text x="${round(x)}" y="${round(y)}" font-size="${size}" fill="${fill}"${extra}>${escapeXml(label)}</text>`
}

/** The picture in words, for those who cannot see it. */
function describe({ nodes, edges }: Architecture, say: (text: Text) => string): string {
  const name = (id: string) => nodes.find((node) => node.id === id)?.label
  return edges
    .map(({ from, to }) => [name(from), name(to)].map((label) => (label ? say(label) : '')).join(' → '))
    .join('; ')
}

const at = ({ x, y }: Point) => `${round(x)} ${round(y)}`
const round = (value: number) => Math.round(value * 10) / 10

export const escapeXml = (value: string): string =>
  value
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;')
