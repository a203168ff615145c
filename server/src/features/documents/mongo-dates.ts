/** Date operators as MongoDB defines them, where mingo's differ: null dates, weeks, ISO parts, and all of the format's letters. */
import { evalExpr } from 'mingo/core'
import * as expression from 'mingo/operators/expression'
import type { ExpressionOperator } from './mongo-operators.ts'

type Arguments = Parameters<ExpressionOperator>
type Options = Arguments[2]

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date)

const isNothing = (value: unknown) => value === null || value === undefined

/** `{date, timezone}`, or the date alone, also as a list of one. */
function moment(document: Arguments[0], operand: unknown, options: Options): { date: unknown; timezone: unknown } {
  const given = Array.isArray(operand) && operand.length === 1 ? operand[0] : operand
  const { date, timezone } = isObject(given) && 'date' in given ? given : { date: given, timezone: undefined }
  return {
    date: evalExpr(document, date as Arguments[1], options), // safe: any expression evaluates
    timezone: isNothing(timezone) ? undefined : evalExpr(document, timezone as Arguments[1], options), // safe: as above
  }
}

const PARTS = {
  $year: expression.$year,
  $month: expression.$month,
  $dayOfMonth: expression.$dayOfMonth,
  $dayOfYear: expression.$dayOfYear,
  $dayOfWeek: expression.$dayOfWeek,
  $hour: expression.$hour,
  $minute: expression.$minute,
  $second: expression.$second,
  $millisecond: expression.$millisecond,
  $isoWeek: expression.$isoWeek,
  $isoWeekYear: expression.$isoWeekYear,
  $isoDayOfWeek: expression.$isoDayOfWeek,
} as const
type PartName = keyof typeof PARTS

function partOf(name: PartName, date: unknown, timezone: unknown, options: Options): number {
  return Number(PARTS[name]({}, { date, ...(!isNothing(timezone) && { timezone }) } as Arguments[1], options)) // safe: evaluated values
}

const part =
  (name: PartName): ExpressionOperator =>
  (...[document, operand, options]: Arguments) => {
    const { date, timezone } = moment(document, operand, options)
    return isNothing(date) ? null : partOf(name, date, timezone, options)
  }

/** Weeks begin on Sundays; days before the year's first Sunday are in week 0. */
const weekOf = (date: unknown, timezone: unknown, options: Options) =>
  Math.floor((partOf('$dayOfYear', date, timezone, options) + 7 - partOf('$dayOfWeek', date, timezone, options)) / 7)

function $week(...[document, operand, options]: Arguments): unknown {
  const { date, timezone } = moment(document, operand, options)
  return isNothing(date) ? null : weekOf(date, timezone, options)
}

/** What each letter stands for, and how many digits it has. */
const LETTERS: Readonly<Record<string, readonly [PartName, number]>> = {
  Y: ['$year', 4],
  m: ['$month', 2],
  d: ['$dayOfMonth', 2],
  H: ['$hour', 2],
  M: ['$minute', 2],
  S: ['$second', 2],
  L: ['$millisecond', 3],
  j: ['$dayOfYear', 3],
  w: ['$dayOfWeek', 1],
  u: ['$isoDayOfWeek', 1],
  V: ['$isoWeek', 2],
  G: ['$isoWeekYear', 4],
}
const USUAL_FORMAT = '%Y-%m-%dT%H:%M:%S.%L'

function $dateToString(...[document, operand, options]: Arguments): unknown {
  if (!isObject(operand)) throw new Error('$dateToString needs an object')
  const evaluate = (name: string) => evalExpr(document, operand[name] as Arguments[1], options) // safe: any expression
  const { date, timezone } = moment(document, operand, options)
  if (isNothing(date)) return operand['onNull'] === undefined ? null : evaluate('onNull')
  const format =
    evaluate('format') ?? (timezone === undefined || timezone === 'UTC' ? `${USUAL_FORMAT}Z` : USUAL_FORMAT)
  return String(format).replace(/%(.)?/gs, (_whole, letter: string | undefined) => {
    const known = letter === undefined ? undefined : LETTERS[letter]
    if (known) return String(partOf(known[0], date, timezone, options)).padStart(known[1], '0')
    if (letter === '%') return '%'
    if (letter === 'U') return String(weekOf(date, timezone, options)).padStart(2, '0')
    if (letter === 'z' || letter === 'Z') return offsetText(offsetMinutes(date, timezone, options), letter)
    throw new Error(`$dateToString does not know %${letter ?? ''}`)
  })
}

function offsetMinutes(date: unknown, timezone: unknown, options: Options): number {
  const of = (name: PartName) => partOf(name, date, timezone, options)
  const local = Date.UTC(of('$year'), of('$month') - 1, of('$dayOfMonth'), of('$hour'), of('$minute'), of('$second'))
  return Math.round((local - Math.floor(Number(date) / 1000) * 1000) / 60_000)
}

function offsetText(minutes: number, letter: 'z' | 'Z'): string {
  const sign = minutes < 0 ? '-' : '+'
  const size = Math.abs(minutes)
  const digits = (value: number) => String(Math.trunc(value)).padStart(2, '0')
  return letter === 'z' ? `${sign}${digits(size / 60)}${digits(size % 60)}` : `${sign}${String(size).padStart(3, '0')}`
}

const DAY_MS = 86_400_000

/** With ISO parts: the day is found first, then taken like any other. */
function $dateFromParts(...[document, operand, options]: Arguments): unknown {
  if (!isObject(operand) || !('isoWeekYear' in operand)) return expression.$dateFromParts(document, operand, options)
  const { isoWeekYear, isoWeek = 1, isoDayOfWeek = 1, ...others } = operand
  const [year, week, day] = [isoWeekYear, isoWeek, isoDayOfWeek].map(
    (value) => evalExpr(document, value as Arguments[1], options), // safe: any expression evaluates
  )
  if (isNothing(year) || isNothing(week) || isNothing(day)) return null
  // The fourth of January is always in the first week.
  const fourth = Date.UTC(Number(year), 0, 4)
  const daysSinceMonday = (new Date(fourth).getUTCDay() + 6) % 7
  const found = new Date(fourth + (Number(day) - 1 - daysSinceMonday + (Number(week) - 1) * 7) * DAY_MS)
  const parts = { year: found.getUTCFullYear(), month: found.getUTCMonth() + 1, day: found.getUTCDate() }
  return expression.$dateFromParts(document, { ...others, ...parts } as Arguments[1], options) // safe: parts are numbers
}

export const DATE_OPERATORS: Readonly<Record<string, ExpressionOperator>> = {
  ...Object.fromEntries(Object.keys(PARTS).map((name) => [name, part(name as PartName)])), // safe: its own keys
  $week,
  $dateToString,
  $dateFromParts,
}
