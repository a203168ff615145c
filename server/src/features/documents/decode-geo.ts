/** The geographical operators of a query. Numbers are degrees [longitude, latitude], distances are metres. */
import { type Decoding, decodeValue, refuse } from './decode-value.ts'
import type { FieldTest } from './document-filter.ts'
import type { Json, JsonObject } from './document-request.ts'
import { isArray, isObject } from './document-values.ts'

export type GeoOperator = '$near' | '$nearSphere' | '$geoWithin' | '$geoIntersects'

const EARTH_RADIUS_METERS = 6_378_100

const GEOMETRIES = new Set(['Point', 'MultiPoint', 'LineString', 'MultiLineString', 'Polygon', 'MultiPolygon'])

/** @throws {AppError} of `decoding.error` */
export function decodeGeoTest(
  operator: GeoOperator,
  operand: Json,
  siblings: JsonObject,
  decoding: Decoding,
  path: string,
): FieldTest {
  if (operator === '$near' || operator === '$nearSphere') return decodeNear(operand, siblings, decoding, path)
  if (!isObject(operand)) refuse(decoding, path, `has a ${operator} without an object`)
  if (operator === '$geoWithin' && operand['$centerSphere'] !== undefined) {
    const circle = decodeValue(operand['$centerSphere'], decoding, path, 1)
    const [center, radians] = isArray(circle) ? circle : []
    if (!isPosition(center) || typeof radians !== 'number' || radians < 0) {
      refuse(decoding, path, 'has a $centerSphere that is not [[longitude, latitude], radians]')
    }
    return { kind: 'withinCircle', center, radians }
  }
  const geometry = decodeGeometry(operand['$geometry'], decoding, path)
  return { kind: operator === '$geoWithin' ? 'within' : 'intersects', geometry }
}

function decodeNear(operand: Json, siblings: JsonObject, decoding: Decoding, path: string): FieldTest {
  const inner = isObject(operand) ? operand : {}
  const isLegacy = isArray(operand)
  const point = isLegacy ? { type: 'Point', coordinates: operand } : inner['$geometry']
  const geometry = decodeGeometry(point, decoding, path)
  if (geometry['type'] !== 'Point') refuse(decoding, path, 'has a $near whose $geometry is not a Point')
  const meters = (name: '$minDistance' | '$maxDistance', fallback: number) => {
    const given = inner[name] ?? siblings[name]
    if (given === undefined || given === null) return fallback
    const value = decodeValue(given, decoding, path, 1)
    if (typeof value !== 'number' || value < 0) refuse(decoding, path, `has a ${name} that is not a distance`)
    return isLegacy ? value * EARTH_RADIUS_METERS : value
  }
  const coordinates = geometry['coordinates'] ?? null
  return {
    kind: 'near',
    center: coordinates,
    minMeters: meters('$minDistance', 0),
    maxMeters: meters('$maxDistance', Number.POSITIVE_INFINITY),
  }
}

function decodeGeometry(value: Json | undefined, decoding: Decoding, path: string): JsonObject {
  const geometry = decodeValue(value ?? null, decoding, path, 1)
  if (!isObject(geometry) || !GEOMETRIES.has(String(geometry['type'])))
    refuse(decoding, path, 'has no GeoJSON $geometry')
  if (!positionsOf(geometry['coordinates'] ?? null).every(isPosition)) {
    refuse(decoding, path, 'has coordinates that are not [longitude, latitude]')
  }
  return geometry
}

export function isPosition(value: Json | undefined): value is readonly [number, number] {
  if (!isArray(value) || value.length < 2) return false
  const [longitude, latitude] = value
  if (typeof longitude !== 'number' || typeof latitude !== 'number') return false
  return Math.abs(longitude) <= 180 && Math.abs(latitude) <= 90
}

/** The innermost arrays of a geometry's coordinates. */
export function positionsOf(coordinates: Json): Json[] {
  if (!isArray(coordinates) || coordinates.length === 0) return [coordinates]
  return isArray(coordinates[0]) ? coordinates.flatMap(positionsOf) : [coordinates]
}
