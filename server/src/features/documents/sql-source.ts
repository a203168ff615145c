/**
 * How a dialect looks into a JSON value. The heart is the key: one SQL expression per path whose values sort and compare
 * exactly as MongoDB orders types and values, so that WHERE, ORDER BY and an index all use the same text.
 *
 * Null and missing are SQL's NULL. An array, at the path's end or on the way to it, is `arrayKey`: no scalar equals it,
 * so that arrays are found, and then looked into, separately.
 */
import type { Dialect, SqlValue } from '../../database/database.ts'
import type { Json } from './document-request.ts'
import type { Rank } from './document-values.ts'
import type { PointColumns } from './indexed-points.ts'
import type { Sql } from './sql-text.ts'

export type Path = readonly string[]

export interface SqlSource {
  readonly dialect: Dialect['name']
  /** Whether the dialect's JSON paths can name every part; otherwise SQL leaves the path to the matcher. */
  canAddress(path: Path): boolean
  /** The key of the value at the path. */
  key(path: Path): string
  /** Latitude and longitude at a path that has a 2dsphere index. */
  point?(path: Path): PointColumns | undefined
  /** The table of elements of the field, with columns `k` and `seq`, where an index keeps one. */
  elements?(path: Path): string | undefined
  /** The key of a value that a query names; undefined if SQL could only compare it inexactly. */
  keyOf(value: Json): SqlValue | undefined
  /** Literals around all keys of one type: at least the first, less than the second. */
  bounds(rank: Rank): readonly [low: string, high: string]
  /** A faster test than one on the key, of a number or a text at the path; undefined where the key is as good. */
  typedTest?(path: Path, operator: '=' | '<' | '<=' | '>' | '>=', value: Json): Sql | undefined
  /** The number at the path, if it is a whole one that JavaScript holds exactly; else NULL. */
  wholeNumber(path: Path): string
  readonly arrayKey: string
  /** Literals around the keys that do not sort: at least the first, less than the second. */
  readonly unordered: readonly [low: string, high: string]
  /** ORDER BY must say that NULL comes first. */
  readonly nullsFirst: boolean
  /** Whether the path leads to a value, through objects only. */
  exists(path: Path): string
  /** Whether the path leads to an array, through objects only. */
  isArray(path: Path): string
  /** Whether a text value contains this text; undefined if the dialect cannot say. */
  containsText(key: string, text: string, ignoresCase: boolean): Sql | undefined
  /** The JSON text at a path that is known to hold an array equals this. Undefined if the dialect reformats JSON. */
  equalsArray(path: Path, text: string): Sql | undefined
  arrayLength(path: Path): string
  /** The JSON text of the document with `_id` and these fields only; undefined if the dialect reformats JSON. */
  pick(fields: readonly string[]): string | undefined
  /** Whether the text at the path contains this one; faster than `containsText` on the key. */
  typedContains?(path: Path, text: string, ignoresCase: boolean): Sql | undefined
  /** Whether one element of the array at the path satisfies the condition on its key; undefined if the dialect cannot say. */
  someElement(path: Path, condition: (elementKey: string) => Sql): Sql | undefined
  /** Whether one element that is an object satisfies the condition on its inside. */
  someObject(path: Path, condition: (inside: SqlSource) => Sql): Sql | undefined
  /** Order by the array's smallest (1) or largest (-1) element; undefined if the dialect cannot say. */
  arraySortKey(path: Path, direction: 1 | -1): { readonly notEmpty: string; readonly key: string } | undefined
}
