/** `db.Geo`: GeoJSON shapes. Each can be made with or without `new`, from its parts or from GeoJSON. */

/** Of what each shape is made: the name of its parts, their shape, and how many it needs at least. */
const SHAPES = {
  MultiPoint: ['points', 'Point', 1],
  LineString: ['points', 'Point', 2],
  MultiLineString: ['lines', 'LineString', 1],
  Polygon: ['lines', 'LineString', 1],
  MultiPolygon: ['polygons', 'Polygon', 1],
} as const

type ShapeName = 'Point' | keyof typeof SHAPES
type GeoJson<Name extends ShapeName, Coordinates> = { type: Name; coordinates: Coordinates }
type Position = [longitude: number, latitude: number]
type Shape<Json> = { toJSON(): Json; toString(): string }

type PointJson = GeoJson<'Point', Position>
type MultiPointJson = GeoJson<'MultiPoint', Position[]>
type LineStringJson = GeoJson<'LineString', Position[]>
type MultiLineStringJson = GeoJson<'MultiLineString', Position[][]>
type PolygonJson = GeoJson<'Polygon', Position[][]>
type MultiPolygonJson = GeoJson<'MultiPolygon', Position[][][]>

export type GeoPoint = Shape<PointJson> & { longitude: number; latitude: number }
export type GeoMultiPoint = Shape<MultiPointJson> & { points: GeoPoint[] }
export type GeoLineString = Shape<LineStringJson> & { points: GeoPoint[] }
export type GeoMultiLineString = Shape<MultiLineStringJson> & { lines: GeoLineString[] }
export type GeoPolygon = Shape<PolygonJson> & { lines: GeoLineString[] }
export type GeoMultiPolygon = Shape<MultiPolygonJson> & { polygons: GeoPolygon[] }

export class Geometry {
  readonly type: ShapeName
  readonly coordinates: readonly unknown[]

  /** @throws {TypeError} if the coordinates are not those of such a shape */
  constructor(type: ShapeName, coordinates: readonly unknown[]) {
    this.type = type
    this.coordinates = coordinates
    if (type === 'Point') {
      const [longitude, latitude] = coordinates
      checkDegrees('longitude', longitude, 180)
      checkDegrees('latitude', latitude, 90)
      Object.assign(this, { longitude, latitude })
      return
    }
    const [name, partType, least] = SHAPES[type]
    const parts = coordinates.map((part) => new Geometry(partType, part as unknown[])) // throws if it is no list
    if (parts.length < least) throw new Error(`${type} needs ${least} ${partType}`)
    if (type === 'Polygon' && !parts.every(isClosed)) throw new Error('Polygon is not closed')
    Object.assign(this, { [name]: parts })
  }

  toJSON() {
    return { type: this.type, coordinates: this.coordinates }
  }
}

function checkDegrees(name: string, degrees: unknown, most: number) {
  if (typeof degrees === 'number' && Math.abs(degrees) <= most) return
  throw new Error(`${name} should be a number ranges from -${most} to ${most}`)
}

const isClosed = ({ coordinates }: Geometry) => String(coordinates[0]) === String(coordinates[coordinates.length - 1])

/** The shape that a record's field holds, or undefined if it only looks like one. */
export function reviveGeometry(value: Record<string, unknown>): Geometry | undefined {
  const { type, coordinates } = value
  if (!Array.isArray(coordinates) || Object.keys(value).length !== 2) return undefined
  try {
    return new Geometry(type as ShapeName, coordinates) // anything but the name of a shape throws
  } catch {
    return undefined
  }
}

/** Objects that other Geo makers returned. */
type Parts = { toJSON(): object }[]
type Maker<Json, Made> = { new (parts: Parts | Json): Made; (parts: Parts | Json): Made }
type PointMaker = Maker<PointJson, GeoPoint> & {
  new (longitude: number, latitude: number): GeoPoint
  (longitude: number, latitude: number): GeoPoint
}

type Part = { coordinates: unknown[] }

/** A plain function returns what it makes whether it is called with `new` or without. */
function makerOf(type: ShapeName) {
  return function make(first: number | Part | Part[], latitude: number) {
    if (Array.isArray(first))
      return new Geometry(
        type,
        first.map(({ coordinates }) => coordinates),
      ) // from its parts
    return new Geometry(type, typeof first === 'object' ? first.coordinates : [first, latitude])
  }
}

const makers: Record<string, unknown> = { Point: makerOf('Point') }
for (const name of Object.keys(SHAPES)) makers[name] = makerOf(name as keyof typeof SHAPES)

// Geometry sets the parts of each shape by its table, which the compiler cannot follow.
export const Geo = makers as {
  Point: PointMaker
  MultiPoint: Maker<MultiPointJson, GeoMultiPoint>
  LineString: Maker<LineStringJson, GeoLineString>
  MultiLineString: Maker<MultiLineStringJson, GeoMultiLineString>
  Polygon: Maker<PolygonJson, GeoPolygon>
  MultiPolygon: Maker<MultiPolygonJson, GeoMultiPolygon>
}
