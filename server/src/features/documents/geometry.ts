/**
 * GeoJSON on a map: distances on the sphere, inclusion and intersection on the plane of longitude and latitude. MongoDB
 * draws edges as great circles; within a city the difference is below a metre. Shapes across the 180th meridian and
 * around a pole are not handled.
 */
import { isPosition } from './decode-geo.ts'
import type { Json } from './document-request.ts'
import { isArray, isPlainObject } from './document-values.ts'

export type Position = readonly [longitude: number, latitude: number]

/** MongoDB's radius. */
export const EARTH_RADIUS_METERS = 6_378_100

type Shape = {
  readonly points: readonly Position[]
  readonly lines: readonly Line[]
  readonly polygons: readonly Polygon[]
}
type Line = readonly Position[]
/** The outer ring, then the holes. */
type Polygon = readonly Line[]

/** A GeoJSON Point, or an array or object of two numbers, as older programs store it. */
export function pointOf(value: Json | undefined): Position | undefined {
  if (isPosition(value)) return value
  if (!isPlainObject(value)) return undefined
  if (value['type'] === 'Point') return isPosition(value['coordinates']) ? value['coordinates'] : undefined
  const pair = Object.values(value).slice(0, 2)
  return isPosition(pair) ? pair : undefined
}

/** By the haversine formula. */
export function metersBetween(a: Position, b: Position): number {
  const [longitudeA, latitudeA, longitudeB, latitudeB] = [...a, ...b].map((degrees) => (degrees * Math.PI) / 180) as [
    number,
    number,
    number,
    number,
  ] // safe: two positions are four numbers
  const h =
    Math.sin((latitudeB - latitudeA) / 2) ** 2 +
    Math.cos(latitudeA) * Math.cos(latitudeB) * Math.sin((longitudeB - longitudeA) / 2) ** 2
  return 2 * EARTH_RADIUS_METERS * Math.asin(Math.min(1, Math.sqrt(h)))
}

export function withinCircle(value: Json | undefined, center: Json, radians: number): boolean {
  const middle = pointOf(center)
  const shape = shapeOf(value)
  if (!middle || !shape) return false
  const positions = allPositions(shape)
  return positions.length > 0 && positions.every((at) => metersBetween(middle, at) / EARTH_RADIUS_METERS <= radians)
}

/** Whether `value` lies wholly inside the polygons of `geometry`. */
export function geoWithin(value: Json | undefined, geometry: Json): boolean {
  const inner = shapeOf(value)
  const outer = shapeOf(geometry)
  if (!inner || !outer?.polygons.length) return false
  const positions = allPositions(inner)
  if (positions.length === 0) return false
  return outer.polygons.some(
    (polygon) =>
      positions.every((at) => isInside(at, polygon)) && !edgesOf(inner).some((edge) => crosses(edge, polygon)),
  )
}

export function geoIntersects(value: Json | undefined, geometry: Json): boolean {
  const a = shapeOf(value)
  const b = shapeOf(geometry)
  if (!a || !b) return false
  return touches(a, b) || touches(b, a) || edgesOf(a).some((edge) => edgesOf(b).some((other) => edgesMeet(edge, other)))
}

/** A position of `a` on `b`. */
function touches(a: Shape, b: Shape): boolean {
  return allPositions(a).some(
    (at) =>
      b.points.some((point) => point[0] === at[0] && point[1] === at[1]) ||
      edgesOf(b).some((edge) => isOnEdge(at, edge)) ||
      b.polygons.some((polygon) => isInside(at, polygon)),
  )
}

function shapeOf(value: Json | undefined): Shape | undefined {
  const point = pointOf(value)
  if (point) return { points: [point], lines: [], polygons: [] }
  if (!isPlainObject(value)) return undefined
  const { type, coordinates } = value
  const shape = (part: Partial<Shape>): Shape => ({ points: [], lines: [], polygons: [], ...part })
  switch (type) {
    case 'MultiPoint':
      return isLine(coordinates) ? shape({ points: coordinates }) : undefined
    case 'LineString':
      return isLine(coordinates) ? shape({ lines: [coordinates] }) : undefined
    case 'MultiLineString':
      return isPolygon(coordinates) ? shape({ lines: coordinates }) : undefined
    case 'Polygon':
      return isPolygon(coordinates) ? shape({ polygons: [coordinates] }) : undefined
    case 'MultiPolygon':
      return isArray(coordinates) && coordinates.every(isPolygon) ? shape({ polygons: coordinates }) : undefined
    default:
      return undefined
  }
}

const isLine = (value: Json | undefined): value is Line => isArray(value) && value.length > 0 && value.every(isPosition)
const isPolygon = (value: Json | undefined): value is Polygon =>
  isArray(value) && value.length > 0 && value.every(isLine)

const allPositions = ({ points, lines, polygons }: Shape): Position[] => [
  ...points,
  ...lines.flat(),
  ...polygons.flatMap((polygon) => polygon.flat()),
]

type Edge = readonly [Position, Position]

const edgesOf = ({ lines, polygons }: Shape): Edge[] => [...lines, ...polygons.flat()].flatMap(edgesOfLine)

function edgesOfLine(line: Line): Edge[] {
  return line.slice(1).map((to, index) => [line[index] ?? to, to])
}

/** On the border counts as inside; inside a hole does not. */
function isInside(at: Position, [outer, ...holes]: Polygon): boolean {
  if (!outer) return false
  if (edgesOfLine(outer).some((edge) => isOnEdge(at, edge))) return true
  if (!isInsideRing(at, outer)) return false
  return !holes.some((hole) => isInsideRing(at, hole) && !edgesOfLine(hole).some((edge) => isOnEdge(at, edge)))
}

/** Counts the ring's edges to the right: an odd number means inside. */
function isInsideRing([x, y]: Position, ring: Line): boolean {
  let inside = false
  for (const [[x1, y1], [x2, y2]] of edgesOfLine(ring)) {
    if (y1 > y !== y2 > y && x < ((x2 - x1) * (y - y1)) / (y2 - y1) + x1) inside = !inside
  }
  return inside
}

const turn = (a: Position, b: Position, c: Position) =>
  Math.sign((b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]))

function isOnEdge(at: Position, [from, to]: Edge): boolean {
  if (turn(from, to, at) !== 0) return false
  const isBetween = (value: number, a: number, b: number) => value >= Math.min(a, b) && value <= Math.max(a, b)
  return isBetween(at[0], from[0], to[0]) && isBetween(at[1], from[1], to[1])
}

/** The edge passes through the polygon's border from one side to the other. */
const crosses = (edge: Edge, polygon: Polygon) =>
  polygon.flatMap(edgesOfLine).some((border) => edgesCross(edge, border))

const edgesCross = ([a, b]: Edge, [c, d]: Edge) =>
  turn(a, b, c) * turn(a, b, d) < 0 && turn(c, d, a) * turn(c, d, b) < 0

const edgesMeet = (a: Edge, b: Edge) =>
  edgesCross(a, b) || isOnEdge(a[0], b) || isOnEdge(a[1], b) || isOnEdge(b[0], a) || isOnEdge(b[1], a)
