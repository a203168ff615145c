/**
 * A 2dsphere index: latitude and longitude of GeoJSON points as numbers, so that a search looks at the rows in a box.
 * Everything that is not such a point (shapes, arrays, older forms) has NULL there and is always looked at.
 */
import { createHash } from 'node:crypto'
import type { Dialect } from '../../database/database.ts'
import type { FieldTest } from './document-filter.ts'
import type { Json } from './document-request.ts'
import { isArray, isPlainObject } from './document-values.ts'
import { EARTH_RADIUS_METERS, pointOf } from './geometry.ts'
import { type Sql, sql, textLiteral } from './sql-text.ts'

export type PointColumns = { readonly latitude: string; readonly longitude: string }

/** In degrees, both ends included. */
type Box = { readonly south: number; readonly north: number; readonly west: number; readonly east: number }

/** Added on every side, because the distance and the box are rounded differently. */
const MARGIN_DEGREES = 1e-6
/** Nearer to a pole a circle may hold every longitude. */
const LATITUDE_LIMIT = 89

/** Condition on the columns that every row which may pass the test satisfies; undefined if that is every row. */
export function boxSql(test: FieldTest, { latitude, longitude }: PointColumns): Sql | undefined {
  const box = boxOf(test)
  if (!box) return undefined
  const inside = `${latitude} BETWEEN ? AND ? AND ${longitude} BETWEEN ? AND ?`
  return sql(`((${inside}) OR ${latitude} IS NULL)`, box.south, box.north, box.west, box.east)
}

export const hasBox = (test: FieldTest): boolean => boxOf(test) !== undefined

function boxOf(test: FieldTest): Box | undefined {
  switch (test.kind) {
    case 'near':
      return aroundCenter(test.center, test.maxMeters)
    case 'withinCircle':
      return aroundCenter(test.center, test.radians * EARTH_RADIUS_METERS)
    case 'within':
    case 'intersects':
      return aroundShape(test.geometry)
    default:
      return undefined
  }
}

function aroundCenter(center: Json, meters: number): Box | undefined {
  const [longitude, latitude] = pointOf(center) ?? []
  if (longitude === undefined || latitude === undefined || !Number.isFinite(meters)) return undefined
  const height = (meters / EARTH_RADIUS_METERS) * (180 / Math.PI) + MARGIN_DEGREES
  const farthest = Math.abs(latitude) + height
  if (farthest > LATITUDE_LIMIT) return undefined
  const width = height / Math.cos((farthest * Math.PI) / 180)
  const box = { south: latitude - height, north: latitude + height, west: longitude - width, east: longitude + width }
  return box.west < -180 || box.east > 180 ? { ...box, west: -180, east: 180 } : box
}

function aroundShape(geometry: Json): Box | undefined {
  const positions = isPlainObject(geometry) ? positionsIn(geometry['coordinates'] ?? null) : []
  if (positions.length === 0) return undefined
  const longitudes = positions.map(([longitude]) => longitude)
  const latitudes = positions.map(([, latitude]) => latitude)
  const least = (values: readonly number[]) => values.reduce((a, b) => Math.min(a, b)) - MARGIN_DEGREES
  const most = (values: readonly number[]) => values.reduce((a, b) => Math.max(a, b)) + MARGIN_DEGREES
  return { south: least(latitudes), north: most(latitudes), west: least(longitudes), east: most(longitudes) }
}

function positionsIn(coordinates: Json): (readonly [number, number])[] {
  if (!isArray(coordinates)) return []
  const [longitude, latitude] = coordinates
  if (typeof longitude === 'number' && typeof latitude === 'number') return [[longitude, latitude]]
  return coordinates.flatMap(positionsIn)
}

/** Names of the generated columns; PostgreSQL indexes the expressions themselves. */
export function pointColumnNames(path: string): PointColumns {
  const hash = createHash('sha256').update(path).digest('hex').slice(0, 16)
  return { latitude: `g_${hash}_lat`, longitude: `g_${hash}_lng` }
}

/** The expressions, on the column `doc`. */
export function pointExpressions(dialect: Dialect['name'], path: string): PointColumns {
  const parts = path.split('.')
  return { latitude: coordinate(dialect, parts, 1), longitude: coordinate(dialect, parts, 0) }
}

function coordinate(dialect: Dialect['name'], parts: readonly string[], place: 0 | 1): string {
  if (dialect === 'postgres') {
    const at = (...inner: string[]) => {
      const labels = [...parts, ...inner].map((part) => `"${part.replace(/["\\]/g, '\\$&')}"`).join(',')
      return `(doc::json #> ${textLiteral(`{${labels}}`)}::text[])`
    }
    const value = at('coordinates', String(place))
    return `(CASE WHEN ${at('type')}::text = '"Point"' AND json_typeof(${value}) = 'number' THEN (${value}::text)::float8 END)`
  }
  const labels = parts.map((part) => `.${JSON.stringify(part)}`).join('')
  const path = (inner: string) => textLiteral(`$${labels}${inner}`)
  const value = `JSON_EXTRACT(doc,${path(`.coordinates[${place}]`)})`
  if (dialect === 'sqlite') {
    const type = `json_type(doc,${path(`.coordinates[${place}]`)})`
    return `(CASE WHEN json_extract(doc,${path('.type')})='Point' AND ${type} IN ('integer','real') THEN ${value} END)`
  }
  const isPoint = `JSON_UNQUOTE(JSON_EXTRACT(doc,${path('.type')}))='Point'`
  const isNumber = `JSON_TYPE(${value}) IN ('INTEGER','UNSIGNED INTEGER','DOUBLE','DECIMAL')`
  return `(CASE WHEN ${isPoint} AND ${isNumber} THEN CAST(${value} AS DOUBLE) END)`
}
