/** Readers for one field of unknown JSON each. They either return a clean value or say precisely what is wrong. */
import { PlanInputError } from './plan-input-error.ts'
import { formatNumber, quote, type Text, text } from './text.ts'

type Bound = { readonly least: number; readonly most: number; readonly unit: string }

/** With its quotes, so that a text is seen to be one. */
const quoteJson = (value: unknown): string => quote(JSON.stringify(value) ?? value)

export function readFields(value: unknown, field: string): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value }
  throw new PlanInputError(
    'not_an_object',
    field,
    text(`"${field}" must be an object with named fields.`, `“${field}”应为带字段名的对象。`),
    text('Write for example {"type": "shop", "dau": 5000}.', '例如 {"type": "shop", "dau": 5000}。'),
  )
}

/** Absent and null both mean "not stated". */
export function readNumber(value: unknown, field: string, { least, most, unit }: Bound): number | undefined {
  if (value === undefined || value === null) return undefined
  if (typeof value !== 'number' || !Number.isFinite(value)) {
    throw new PlanInputError(
      'not_a_number',
      field,
      text(
        `"${field}" must be a number (${unit}), not ${quoteJson(value)}.`,
        `“${field}”应为数字，而不是 ${quoteJson(value)}。`,
      ),
      text('Write it without quotes and units, for example 5000.', '不带引号和单位，例如 5000。'),
    )
  }
  if (value < least || value > most) {
    throw new PlanInputError(
      'out_of_range',
      field,
      text(
        `"${field}" is ${formatNumber(value)}; it must lie between ${formatNumber(least)} and ${formatNumber(most)} (${unit}).`,
        `“${field}”为 ${formatNumber(value)}，应在 ${formatNumber(least)} 与 ${formatNumber(most)} 之间。`,
      ),
      value < least
        ? text(`The smallest sensible value is ${formatNumber(least)}.`, `最小的合理值是 ${formatNumber(least)}。`)
        : text(
            'WeChat itself has about 1.4 billion users; check the number of zeros.',
            '微信全网约 14 亿用户，请检查零的个数。',
          ),
    )
  }
  return value
}

export function readChoice<T extends string>(value: unknown, field: string, choices: readonly T[]): T | undefined {
  if (value === undefined || value === null) return undefined
  const found = choices.find((choice) => choice === value)
  if (found !== undefined) return found
  const near = typeof value === 'string' ? closestWord(value, choices) : undefined
  throw new PlanInputError(
    'unknown_value',
    field,
    text(`Unknown ${field} ${quoteJson(value)}.`, `未知的 ${field}：${quoteJson(value)}。`),
    near
      ? text(
          `Did you mean "${near}"? Known: ${choices.join(', ')}.`,
          `是否想写“${near}”？可用：${choices.join('、')}。`,
        )
      : text(`Write one of: ${choices.join(', ')}.`, `请写其中之一：${choices.join('、')}。`),
  )
}

/** Refuses what looks like a typing error; returns notes for fields that simply have no place here. */
export function rejectUnknown(fields: Record<string, unknown>, known: readonly string[]): Text[] {
  const notes: Text[] = []
  for (const field of Object.keys(fields)) {
    if (known.includes(field)) continue
    const near = closestWord(field, known)
    if (near) {
      throw new PlanInputError(
        'unknown_field',
        field,
        text(`Unknown field "${quote(field)}".`, `未知字段“${quote(field)}”。`),
        text(`Did you mean "${near}"?`, `是否想写“${near}”？`),
      )
    }
    notes.push(
      text(
        `Field "${quote(field)}" is not in the model and changes nothing.`,
        `字段“${quote(field)}”不在模型内，不影响结论。`,
      ),
    )
  }
  return notes
}

/** The known word at most two edits away, if there is one; short words must be closer. */
export function closestWord<T extends string>(word: string, known: readonly T[]): T | undefined {
  const plain = word.toLowerCase()
  const allowed = plain.length <= 4 ? 1 : 2
  let best: { candidate: T; distance: number } | undefined
  for (const candidate of known) {
    const distance = editDistance(plain, candidate.toLowerCase())
    if (distance <= allowed && distance < (best?.distance ?? Number.POSITIVE_INFINITY)) best = { candidate, distance }
  }
  return best?.candidate
}

/** Insertions, deletions, replacements and swaps of neighbours, each counted once. */
function editDistance(from: string, to: string): number {
  const rows: number[][] = [Array.from({ length: to.length + 1 }, (_, column) => column)]
  const at = (row: number, column: number) => rows[row]?.[column] ?? 0
  for (let row = 1; row <= from.length; row++) {
    rows[row] = [row]
    for (let column = 1; column <= to.length; column++) {
      const replaced = at(row - 1, column - 1) + (from[row - 1] === to[column - 1] ? 0 : 1)
      const isSwap = from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1] && row > 1 && column > 1
      const swapped = isSwap ? at(row - 2, column - 2) + 1 : replaced
      rows[row]?.push(Math.min(replaced, swapped, at(row - 1, column) + 1, at(row, column - 1) + 1))
    }
  }
  return at(from.length, to.length)
}
