/**
 * Rewrites a PCRE-like pattern into what both of V8's engines run: case-insensitive letters become classes (`[aA]`), the
 * extended syntax loses its white space and comments. Also measures the pattern with its counts written out.
 */

type Mode = { readonly ignoresCase: boolean; readonly isExtended: boolean }

/** One token: an escape, a class, a count, a group's beginning, white space, or one character. */
const TOKEN =
  /\\(?:x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|.)|\[\^?\]?(?:\\.|[^\]\\])*\]|\{\d+(?:,\d*)?\}|\(\?(?:<?[=!]|:|<\w+>)|./gsu

export function expandPattern(source: string, mode: Mode): { expanded: string; size: number } {
  let expanded = ''
  /** Sizes of the open groups, the innermost last; the size of the last item, which a count multiplies. */
  const open: number[] = []
  let total = 0
  let last = 0
  let isInComment = false

  for (const [token] of source.matchAll(TOKEN)) {
    if (isInComment) {
      isInComment = token !== '\n'
      continue
    }
    if (mode.isExtended && token === '#') isInComment = true
    if (mode.isExtended && (token === '#' || /^\s$/.test(token))) continue

    const count = /^\{(\d+)(?:,(\d*))?\}$/.exec(token)
    if (count) {
      const times = Number(count[2] || count[1])
      total += last * (Math.max(times, 1) - 1)
      last *= Math.max(times, 1)
    } else if (token.startsWith('(')) {
      open.push(total)
      total = 0
    } else if (token === ')') {
      last = total
      total += open.pop() ?? 0
    } else if (!/^[*+?|]$/.test(token)) {
      last = 1
      total += 1
    }
    expanded += mode.ignoresCase ? bothCases(token) : astral(token)
  }
  return { expanded, size: open.reduce((sum, size) => sum + size, total) }
}

/** Without the `u` flag a character beyond U+FFFF is two units: kept together for the quantifier that may follow. */
const astral = (token: string) => (/^[\u{10000}-\u{10ffff}]$/u.test(token) ? `(?:${token})` : token)

function bothCases(token: string): string {
  if (token.startsWith('[')) return classOfBothCases(token)
  if (token.startsWith('\\') || token.length !== 1) return astral(token)
  const other = otherCase(token)
  return other ? `[${token}${other}]` : token
}

function classOfBothCases(token: string): string {
  let added = ''
  for (const [part] of token.slice(1, -1).matchAll(/\\.|[^\\]-[^\\\]]|[^\\]/gs)) {
    if (part.startsWith('\\')) continue
    if (part.length === 3) added += otherRange(part.charCodeAt(0), part.charCodeAt(2))
    else if (/\p{L}/u.test(part)) added += otherCase(part) ?? ''
  }
  return `${token.slice(0, -1)}${added}]`
}

/** The other case of the ASCII letters within a range; a range over other alphabets stays as it is. */
function otherRange(from: number, to: number): string {
  const overlap = (start: number, end: number, shift: number) => {
    const low = Math.max(from, start)
    const high = Math.min(to, end)
    return low <= high ? `${String.fromCharCode(low + shift)}-${String.fromCharCode(high + shift)}` : ''
  }
  return overlap(65, 90, 32) + overlap(97, 122, -32)
}

function otherCase(letter: string): string | undefined {
  const other = letter === letter.toLowerCase() ? letter.toUpperCase() : letter.toLowerCase()
  return other !== letter && other.length === 1 ? other : undefined
}
