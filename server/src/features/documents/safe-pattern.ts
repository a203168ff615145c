/**
 * Regular expressions from requests. They run on V8's backtracking engine, which hands over to its linear-time engine
 * after a bounded number of backtracks. What the linear engine cannot run (look-around, back-references, huge counts) is
 * refused, and ignoring case, which it cannot do either, is written out as classes: no pattern can stall the process.
 */
import { setFlagsFromString } from 'node:v8'
import { LRUCache } from 'lru-cache'
import type { Pattern } from './document-filter.ts'
import { expandPattern } from './expand-pattern.ts'

/** Backtracks of one match before the linear engine takes over. */
const BACKTRACKS_LIMIT = 20_000
/** Compiled patterns kept; a list page matches one pattern against many rows. */
const CACHE_ENTRIES = 256
/** Characters and classes of a pattern with its counts written out: the linear engine's program grows with them. */
const PATTERN_SIZE_LIMIT = 2_000

// Process-wide and idempotent: every thread that imports this module gets the same engine.
setFlagsFromString('--enable-experimental-regexp-engine-on-excessive-backtracks')
setFlagsFromString(`--regexp-backtracks-before-fallback=${BACKTRACKS_LIMIT}`)
setFlagsFromString('--enable-experimental-regexp-engine')

const cache = new LRUCache<string, RegExp>({ max: CACHE_ENTRIES })

/** @throws {Error} saying why the pattern is refused, as the end of a sentence that begins with the field's path */
export function compilePattern({ source, options }: Pattern): RegExp {
  const key = `${options}/${source}`
  const known = cache.get(key)
  if (known) return known
  const { expanded, size } = expandPattern(source, {
    ignoresCase: options.includes('i'),
    isExtended: options.includes('x'),
  })
  const flags = ['m', 's'].filter((flag) => options.includes(flag)).join('')
  const compiled = compileOr(expanded, flags, 'is not a valid regular expression')
  if (size > PATTERN_SIZE_LIMIT) throw new Error('is a regular expression whose counts are too large')
  compileOr(expanded, `l${flags}`, 'uses look-around, a back-reference or a count that is not supported')
  cache.set(key, compiled)
  return compiled
}

function compileOr(source: string, flags: string, problem: string): RegExp {
  try {
    return new RegExp(source, flags)
  } catch {
    throw new Error(problem)
  }
}
