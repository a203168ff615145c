/** The same graph as Mermaid text, for READMEs and places that draw Mermaid themselves. */
import type { ArchitectureNode } from '../architecture.ts'
import type { PlanResult } from '../plan.ts'
import type { Language } from '../text.ts'
import { formatPrice } from './layout.ts'

export function renderMermaid({ architecture }: Pick<PlanResult, 'architecture'>, lang: Language = 'en'): string {
  const { groups, nodes, edges } = architecture
  const inside = (group: string | null) => nodes.filter((node) => node.group === group)
  const lines = [
    'flowchart LR',
    ...inside(null).map((node) => `  ${draw(node, lang)}`),
    ...groups.flatMap((group) => [
      `  subgraph ${group.id}["${quoted(group.label[lang])}${price(group.yuanPerMonth)}"]`,
      ...inside(group.id).map((node) => `    ${draw(node, lang)}`),
      '  end',
    ]),
    ...edges.map(({ from, to, label }) => `  ${from} -->${label ? `|"${quoted(label[lang])}"|` : ''} ${to}`),
    '  classDef binding stroke:#c4450c,stroke-width:3px',
    ...[...groups, ...nodes].filter(({ isBinding }) => isBinding).map(({ id }) => `  class ${id} binding`),
  ]
  return `${lines.join('\n')}\n`
}

function draw({ id, label, detail, yuanPerMonth }: ArchitectureNode, lang: Language): string {
  return `${id}["${quoted(label[lang])}${price(yuanPerMonth)}<br/>${quoted(detail[lang])}"]`
}

const price = (yuan: number | null): string => (yuan === null ? '' : ` · ${formatPrice(yuan)}`)

/** Mermaid has entities of its own; a bare quote would end the label. */
const quoted = (words: string): string =>
  words.replaceAll('&', '#amp;').replaceAll('"', '#quot;').replaceAll('<', '#lt;').replaceAll('>', '#gt;')
