/** `$geoNear`: documents by their distance from a point, with the distance as a field. */
import { AppError } from '../../errors.ts'
import { type Aggregation, timeLeft } from './aggregation-context.ts'
import { decodeFilter } from './decode-filter.ts'
import { decodeValue, refuse, startDecoding } from './decode-value.ts'
import { allOf, type Filter } from './document-filter.ts'
import { withField } from './document-path.ts'
import type { DocumentText, Json } from './document-request.ts'
import { isObject } from './document-values.ts'
import { sortByDistance } from './geo-distance.ts'
import { pointOf } from './geometry.ts'
import { refuseProtectedPaths } from './protected-fields.ts'
import { select } from './run-selection.ts'
import type { Selection } from './selection.ts'

export async function geoNear(aggregation: Aggregation, selection: Selection, spec: Json): Promise<DocumentText[]> {
  const { engine, nowMs } = aggregation
  const decoding = startDecoding('invalid_query', nowMs)
  const { key, query, near, distanceField, includeLocs, minDistance, maxDistance, limit, distanceMultiplier } =
    isObject(spec) ? spec : {}
  const path = typeof key === 'string' ? key : geoPathOf(selection)
  if (path === undefined) refuse(decoding, '$geoNear', 'needs a key, or a 2dsphere index on the collection')
  refuseProtectedPaths(selection.collection, aggregation.caller.identity, [path])
  if (typeof distanceField !== 'string') refuse(decoding, '$geoNear', 'needs a distanceField')
  const center = pointOf(decodeValue(near ?? null, decoding, '$geoNear.near', 1))
  if (!center) refuse(decoding, '$geoNear.near', 'is not a point')
  const number = (value: Json | undefined, fallback: number) => {
    const decoded = value === undefined || value === null ? fallback : decodeValue(value, decoding, '$geoNear', 1)
    return typeof decoded === 'number' ? decoded : refuse(decoding, '$geoNear', 'has a distance that is not a number')
  }
  const minMeters = number(minDistance, 0)
  const maxMeters = number(maxDistance, Number.POSITIVE_INFINITY)
  const multiplier = number(distanceMultiplier, 1)
  const nearby: Filter = { kind: 'field', path, test: { kind: 'near', center, minMeters, maxMeters } }
  const filter = allOf([selection.filter, decodeFilter(query ?? undefined, nowMs), nearby])
  const texts = await select(engine, { ...selection, filter, order: [], timeoutMs: timeLeft(aggregation) })
  return sortByDistance(texts, path, center)
    .slice(0, number(limit, Number.POSITIVE_INFINITY))
    .map(({ document, meters, location }) => {
      const measured = withField(document, distanceField.split('.'), meters * multiplier)
      return JSON.stringify(
        typeof includeLocs === 'string' ? withField(measured, includeLocs.split('.'), location) : measured,
      )
    })
}

function geoPathOf({ collection }: Selection): string | undefined {
  const geo = collection.indexes
    .flatMap(({ fields }) => Object.entries(fields))
    .filter(([, kind]) => kind === '2dsphere')
  if (geo.length > 1)
    throw new AppError('invalid_query', '$geoNear needs a key: the collection has several 2dsphere indexes.')
  return geo[0]?.[0]
}
