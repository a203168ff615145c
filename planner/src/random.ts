/**
 * Draws that are the same on every machine and in every run. Each parameter has its own stream, named after it, so that
 * fixing one parameter leaves the draws of the others alone: results before and after can be compared.
 */
import type { Range } from './app-types.ts'

export const DRAWS = 1000

const streams = new Map<string, Float64Array>()

/** `DRAWS` uniform numbers in [0, 1). */
function uniformStream(name: string): Float64Array {
  const known = streams.get(name)
  if (known) return known
  const next = mulberry32(hash(name))
  const stream = Float64Array.from({ length: DRAWS }, () => next())
  streams.set(name, stream) // a cache of constants: the same name always gives the same numbers
  return stream
}

const columns = new WeakMap<Range, Map<string, Float64Array>>()

/** The parameter's value in every draw. Kept with the range: looking for the flip repeats most of them. */
export function valuesOf(name: string, range: Range): Float64Array {
  const known = columns.get(range) ?? new Map<string, Float64Array>()
  columns.set(range, known)
  const column = known.get(name) ?? uniformStream(name).map((quantile) => valueAt(range, quantile))
  known.set(name, column)
  return column
}

/** Log-uniform on each side of `usual`, so that the median is what people expect and the ends are rare. */
export function valueAt({ low, usual, high }: Range, quantile: number): number {
  if (low === high) return usual
  return quantile < 0.5 ? low * (usual / low) ** (quantile * 2) : usual * (high / usual) ** (quantile * 2 - 1)
}

/** The value below which a share of the sorted list lies. */
export const quantileOf = (sorted: Float64Array, share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0

function mulberry32(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

/** FNV-1a. */
function hash(name: string): number {
  let value = 0x811c9dc5
  for (let index = 0; index < name.length; index++) value = Math.imul(value ^ name.charCodeAt(index), 0x01000193)
  return value
}
