/** Documents in the order of their distance from a point: what `$near` implies. */
import type { Filter } from './document-filter.ts'
import { someValueAt } from './document-path.ts'
import type { DocumentText, Json, JsonObject } from './document-request.ts'
import { metersBetween, type Position, pointOf } from './geometry.ts'

/** The `$near` that every matching document satisfies, if the filter has one. */
export function nearOf(filter: Filter): { path: string; center: Position } | undefined {
  for (const part of filter.kind === 'and' ? filter.of : [filter]) {
    if (part.kind !== 'field') continue
    const tests = part.test.kind === 'all' ? part.test.of : [part.test]
    for (const test of tests) {
      const center = test.kind === 'near' ? pointOf(test.center) : undefined
      if (center) return { path: part.path, center }
    }
  }
  return undefined
}

export function sortByDistance(texts: readonly DocumentText[], path: string, center: Position) {
  return texts
    .map((text) => {
      const document: JsonObject = JSON.parse(text)
      return { text, document, ...nearestAt(document, path.split('.'), center) }
    })
    .sort((a, b) => a.meters - b.meters)
}

export function nearestAt(
  document: JsonObject,
  path: readonly string[],
  center: Position,
): { meters: number; location: Json } {
  let nearest: { meters: number; location: Json } = { meters: Number.POSITIVE_INFINITY, location: null }
  someValueAt(document, path, (value) => {
    const point = pointOf(value)
    const meters = point ? metersBetween(center, point) : Number.POSITIVE_INFINITY
    if (value !== undefined && meters < nearest.meters) nearest = { meters, location: value }
    return false
  })
  return nearest
}
