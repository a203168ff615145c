/** Positions for the architecture graph: ELK's layered layout, left to right, the server's parts inside its frame. */
import ElkBundle, { type ELK, type ElkExtendedEdge, type ElkNode } from 'elkjs/lib/elk.bundled.js'
import type { Architecture, ArchitectureEdge, ArchitectureGroup, ArchitectureNode } from '../architecture.ts'
import { formatNumber, type Language, type Text } from '../text.ts'
import { textWidth } from './text-width.ts'

export type Point = { readonly x: number; readonly y: number }
export type Frame = Point & { readonly width: number; readonly height: number }
export type PlacedNode = Frame & { readonly node: ArchitectureNode }
export type PlacedGroup = Frame & { readonly group: ArchitectureGroup }
export type PlacedEdge = {
  readonly edge: ArchitectureEdge
  readonly points: readonly Point[]
  readonly label: Frame | null
}

export type Layout = {
  readonly width: number
  readonly height: number
  readonly nodes: readonly PlacedNode[]
  readonly groups: readonly PlacedGroup[]
  readonly edges: readonly PlacedEdge[]
}

export const LABEL_SIZE = 14
export const DETAIL_SIZE = 12
export const EDGE_LABEL_SIZE = 11
export const GROUP_LABEL_SIZE = 13
export const BADGE_SIZE = 11
export const BADGE_INSET = 12
const CARD_PADDING = 16
const CARD_HEIGHT = 60
/** Room for the colour bar on the left of a card. */
const CARD_BAR = 10

const OPTIONS = {
  'elk.algorithm': 'layered',
  'elk.direction': 'RIGHT',
  'elk.hierarchyHandling': 'INCLUDE_CHILDREN',
  'elk.edgeRouting': 'ORTHOGONAL',
  'elk.spacing.nodeNode': '26',
  'elk.layered.spacing.nodeNodeBetweenLayers': '52',
  'elk.spacing.edgeNode': '18',
  'elk.layered.nodePlacement.strategy': 'NETWORK_SIMPLEX',
  'elk.layered.considerModelOrder.strategy': 'NODES_AND_EDGES',
  'elk.padding': '[top=4,left=4,bottom=4,right=4]',
  'elk.json.shapeCoords': 'ROOT',
  'elk.json.edgeCoords': 'ROOT',
}

const GROUP_OPTIONS = {
  'elk.padding': '[top=46,left=22,bottom=26,right=22]',
  'elk.layered.spacing.nodeNodeBetweenLayers': '40',
  'elk.spacing.nodeNode': '26',
}

// The package is CommonJS: Node gives the class itself, a bundler may wrap it once more.
const Elk = ('default' in ElkBundle ? ElkBundle.default : ElkBundle) as unknown as new () => ELK // safe: see above

export async function layOut(architecture: Architecture, lang: Language): Promise<Layout> {
  const say = (words: Text) => words[lang]
  const card = (node: ArchitectureNode): ElkNode => ({
    id: node.id,
    width: cardWidth(node, say, architecture.binding.label),
    height: CARD_HEIGHT,
  })
  const inside = (group: string | null) => architecture.nodes.filter((node) => node.group === group).map(card)

  const placed = await new Elk().layout({
    id: 'root',
    layoutOptions: OPTIONS,
    children: [
      ...inside(null),
      ...architecture.groups.map(({ id }) => ({ id, layoutOptions: GROUP_OPTIONS, children: inside(id) })),
    ],
    edges: architecture.edges.map(({ from, to, label }, index) => ({
      id: `edge-${index}`,
      sources: [from],
      targets: [to],
      ...(label
        ? { labels: [{ text: say(label), width: textWidth(say(label), EDGE_LABEL_SIZE) + 10, height: 16 }] }
        : {}),
    })),
  })
  return collect(architecture, placed)
}

function collect(architecture: Architecture, placed: ElkNode): Layout {
  const frames = new Map<string, Frame>()
  const visit = (node: ElkNode) => {
    frames.set(node.id, frameOf(node))
    for (const child of node.children ?? []) visit(child)
  }
  visit(placed)
  const frame = (id: string) => frames.get(id) ?? { x: 0, y: 0, width: 0, height: 0 }
  const routes = new Map((placed.edges ?? []).map((edge) => [edge.id, edge]))
  return {
    width: placed.width ?? 0,
    height: placed.height ?? 0,
    nodes: architecture.nodes.map((node) => ({ node, ...frame(node.id) })),
    groups: architecture.groups.map((group) => ({ group, ...frame(group.id) })),
    edges: architecture.edges.map((edge, index) => placeEdge(edge, routes.get(`edge-${index}`))),
  }
}

function placeEdge(edge: ArchitectureEdge, route: ElkExtendedEdge | undefined): PlacedEdge {
  const section = route?.sections?.[0]
  const label = route?.labels?.[0]
  const points = section ? [section.startPoint, ...(section.bendPoints ?? []), section.endPoint] : []
  return { edge, points, label: label ? frameOf(label) : null }
}

const frameOf = ({ x = 0, y = 0, width = 0, height = 0 }: Partial<Frame>): Frame => ({ x, y, width, height })

function cardWidth(
  { label, detail, yuanPerMonth, isBinding }: ArchitectureNode,
  say: (words: Text) => string,
  badge: Text,
): number {
  const price = yuanPerMonth === null ? 0 : textWidth(formatPrice(yuanPerMonth), DETAIL_SIZE) + 14
  const words = Math.max(textWidth(say(label), LABEL_SIZE) + price, textWidth(say(detail), DETAIL_SIZE))
  const badgeWidth = isBinding ? textWidth(say(badge), BADGE_SIZE) + BADGE_INSET * 2 + 18 : 0
  return Math.ceil(Math.max(words + CARD_PADDING * 2 + CARD_BAR, badgeWidth))
}

/** A price as it stands on a card. */
export const formatPrice = (yuan: number): string =>
  `¥${yuan < 10 ? Math.round(yuan * 10) / 10 : formatNumber(Math.round(yuan))}`
