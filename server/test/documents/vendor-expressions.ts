/**
 * Aggregation expressions, written with the vendor's own client. Each case: what is stored, what is
 * asked, and the answer that CloudBase's documentation and MongoDB's promise.
 */
// biome-ignore-all lint/suspicious/noExplicitAny: the vendor's client has no types
// biome-ignore-all lint/suspicious/noThenProperty: the language's own word
import { type Ask, refused, type VendorCase } from './vendor-case.ts'

export const VENDOR_EXPRESSIONS: VendorCase[] = []
const add = (title: string, records: object[], ask: Ask, wanted: unknown) =>
  VENDOR_EXPRESSIONS.push({ title, records, ask, wanted })

// expressions: one document
const E = [
  {
    _id: 1,
    n: -7.5,
    m: 3,
    s: 'Hello 世界',
    t: 'a,b,c',
    arr: [1, 2, 3, 2],
    strs: ['x', 'y'],
    objs: [
      { k: 'a', v: 1 },
      { k: 'b', v: 2 },
    ],
    o: { a: 1, b: 2 },
    z: null,
    tr: true,
    d: new Date('2026-03-09T17:05:06.789Z'),
    d2: new Date('2026-03-09T17:05:07.789Z'),
  },
]
const e = (t: string, expr: Ask, want: unknown) =>
  add(
    `expr ${t}`,
    E,
    async (x) => {
      const r = await x.c
        .aggregate()
        .project({ _id: 0, r: expr(x) })
        .end()
      return 'r' in r.data[0] ? r.data[0].r : 'MISSING'
    },
    want,
  )
e('abs', ({ $ }) => $.abs('$n'), 7.5)
e('add', ({ $ }) => $.add(['$m', 4, 0.5]), 7.5)
e('add date', ({ $ }) => $.add(['$d', 1000]), new Date('2026-03-09T17:05:07.789Z'))
e('ceil', ({ $ }) => $.ceil('$n'), -7)
e('divide', ({ $ }) => $.divide(['$m', 2]), 1.5)
e('divide by 0', ({ $ }) => $.divide(['$m', 0]), refused('DATABASE_REQUEST_FAILED'))
e('exp', ({ $ }) => $.exp(0), 1)
e('floor', ({ $ }) => $.floor('$n'), -8)
e('ln', ({ $ }) => $.ln(1), 0)
e('log', ({ $ }) => $.log([8, 2]), 3)
e('log10', ({ $ }) => $.log10(100), 2)
e('mod', ({ $ }) => $.mod([-7, 3]), -1)
e('multiply', ({ $ }) => $.multiply(['$m', 3]), 9)
e('pow', ({ $ }) => $.pow(['$m', 2]), 9)
e('sqrt', ({ $ }) => $.sqrt(9), 3)
e('subtract', ({ $ }) => $.subtract(['$m', 1]), 2)
e('subtract dates', ({ $ }) => $.subtract(['$d2', '$d']), 1000)
e('subtract date ms', ({ $ }) => $.subtract(['$d2', 1000]), new Date('2026-03-09T17:05:06.789Z'))
e('trunc', ({ $ }) => $.trunc('$n'), -7)
e('null arithmetic', ({ $ }) => $.add(['$z', 1]), null)
e('missing arithmetic', ({ $ }) => $.multiply(['$nope', 1]), null)
e('arrayElemAt', ({ $ }) => $.arrayElemAt(['$arr', 1]), 2)
e('arrayElemAt neg', ({ $ }) => $.arrayElemAt(['$arr', -1]), 2)
e('arrayElemAt beyond', ({ $ }) => $.arrayElemAt(['$arr', 9]), 'MISSING')
e('arrayToObject kv', ({ $ }) => $.arrayToObject('$objs'), { a: 1, b: 2 })
e(
  'arrayToObject pairs',
  ({ $ }) =>
    $.arrayToObject([
      [
        ['q', 1],
        ['w', 2],
      ],
    ]),
  { q: 1, w: 2 },
)
e('concatArrays', ({ $ }) => $.concatArrays(['$arr', ['q']]), [1, 2, 3, 2, 'q'])
e('concatArrays null', ({ $ }) => $.concatArrays(['$arr', '$z']), null)
e('filter', ({ $ }) => $.filter({ input: '$arr', as: 'i', cond: $.gt(['$$i', 1]) }), [2, 3, 2])
e('filter this', ({ $ }) => $.filter({ input: '$arr', cond: $.gt(['$$this', 1]) }), [2, 3, 2])
e('in', ({ $ }) => $.in([2, '$arr']), true)
e('indexOfArray', ({ $ }) => $.indexOfArray(['$arr', 2]), 1)
e('indexOfArray range', ({ $ }) => $.indexOfArray(['$arr', 2, 2]), 3)
e('indexOfArray none', ({ $ }) => $.indexOfArray(['$arr', 9]), -1)
e('isArray', ({ $ }) => $.isArray('$arr'), true)
e('isArray list', ({ $ }) => $.isArray(['$m']), false)
e('map', ({ $ }) => $.map({ input: '$arr', as: 'i', in: $.multiply(['$$i', 10]) }), [10, 20, 30, 20])
e('map objects', ({ $ }) => $.map({ input: '$objs', as: 'i', in: { key: '$$i.k' } }), [{ key: 'a' }, { key: 'b' }])
e('range', ({ $ }) => $.range([0, 6, 2]), [0, 2, 4])
e('range down', ({ $ }) => $.range([3, 0, -1]), [3, 2, 1])
e('reduce', ({ $ }) => $.reduce({ input: '$arr', initialValue: 0, in: $.add(['$$value', '$$this']) }), 8)
e(
  'reduce objects',
  ({ $ }) =>
    $.reduce({
      input: '$arr',
      initialValue: { s: 0, p: 1 },
      in: { s: $.add(['$$value.s', '$$this']), p: $.multiply(['$$value.p', '$$this']) },
    }),
  { s: 8, p: 12 },
)
e('reverseArray', ({ $ }) => $.reverseArray('$arr'), [2, 3, 2, 1])
e('size', ({ $ }) => $.size('$arr'), 4)
e('size of non array', ({ $ }) => $.size('$m'), refused('DATABASE_REQUEST_FAILED'))
e('slice', ({ $ }) => $.slice(['$arr', 2]), [1, 2])
e('slice neg', ({ $ }) => $.slice(['$arr', -2]), [3, 2])
e('slice pos', ({ $ }) => $.slice(['$arr', 1, 2]), [2, 3])
e('zip', ({ $ }) => $.zip({ inputs: ['$arr', '$strs'] }), [
  [1, 'x'],
  [2, 'y'],
])
e('zip longest', ({ $ }) => $.zip({ inputs: ['$strs', [1]], useLongestLength: true, defaults: [0, 'd'] }), [
  ['x', 1],
  ['y', 'd'],
])
e('and', ({ $ }) => $.and([true, 1, '$tr']), true)
e('and null', ({ $ }) => $.and([true, '$z']), false)
e('or', ({ $ }) => $.or([false, '$m']), true)
e('not', ({ $ }) => $.not('$tr'), false)
e('not list', ({ $ }) => $.not(['$z']), true)
e('cmp', ({ $ }) => $.cmp(['$m', 5]), -1)
e('eq', ({ $ }) => $.eq(['$m', 3]), true)
e('gt types', ({ $ }) => $.gt(['$s', 5]), true)
e('gte', ({ $ }) => $.gte(['$m', 3]), true)
e('lt', ({ $ }) => $.lt(['$m', 3]), false)
e('lte', ({ $ }) => $.lte(['$m', 3]), true)
e('neq', ({ $ }) => $.neq(['$m', 3]), false)
e('gt missing null', ({ $ }) => $.gt(['$m', '$nope']), true)
e('eq dates', ({ $ }) => $.eq(['$d', new Date('2026-03-09T17:05:06.789Z')]), true)
e('cond list', ({ $ }) => $.cond([$.gt(['$m', 1]), 'y', 'n']), 'y')
e('cond object', ({ $ }) => $.cond({ if: $.gt(['$m', 5]), then: 'y', else: 'n' }), 'n')
e('ifNull', ({ $ }) => $.ifNull(['$z', 'd']), 'd')
e('ifNull missing', ({ $ }) => $.ifNull(['$nope', '$m']), 3)
e(
  'switch',
  ({ $ }) =>
    $.switch({
      branches: [
        { case: $.gt(['$m', 5]), then: 'big' },
        { case: $.gt(['$m', 2]), then: 'mid' },
      ],
      default: 'low',
    }),
  'mid',
)
e(
  'switch none',
  ({ $ }) => $.switch({ branches: [{ case: $.gt(['$m', 5]), then: 'big' }] }),
  refused('DATABASE_REQUEST_FAILED'),
)
e('let', ({ $ }) => $.let({ vars: { a: '$m', b: 2 }, in: $.multiply(['$$a', '$$b']) }), 6)
e('literal', ({ $ }) => $.literal('$m'), '$m')
e('mergeObjects', ({ $ }) => $.mergeObjects(['$o', { c: 3 }]), { a: 1, b: 2, c: 3 })
e('objectToArray', ({ $ }) => $.objectToArray('$o'), [
  { k: 'a', v: 1 },
  { k: 'b', v: 2 },
])
e('allElementsTrue', ({ $ }) => $.allElementsTrue([[1, true]]), true)
e('allElementsTrue field', ({ $ }) => $.allElementsTrue(['$arr']), true)
e('anyElementTrue', ({ $ }) => $.anyElementTrue([[0, false, null]]), false)
e('setDifference', ({ $ }) => $.setDifference(['$arr', [2]]), [1, 3])
e('setEquals', ({ $ }) => $.setEquals(['$arr', [3, 2, 1]]), true)
e('setIntersection', ({ $ }) => $.setIntersection(['$arr', [3, 2, 9]]), [2, 3])
e('setIsSubset', ({ $ }) => $.setIsSubset([[1, 2], '$arr']), true)
e('setUnion', ({ $ }) => $.setUnion(['$arr', [4, 1]]), [1, 2, 3, 4])
e('concat', ({ $ }) => $.concat(['$t', '-', 'x']), 'a,b,c-x')
e('concat null', ({ $ }) => $.concat(['$t', '$z']), null)
e('indexOfBytes', ({ $ }) => $.indexOfBytes(['$s', '界']), 9)
e('indexOfCP', ({ $ }) => $.indexOfCP(['$s', '界']), 7)
e('split', ({ $ }) => $.split(['$t', ',']), ['a', 'b', 'c'])
e('strLenBytes', ({ $ }) => $.strLenBytes('$s'), 12)
e('strLenCP', ({ $ }) => $.strLenCP('$s'), 8)
e('strcasecmp', ({ $ }) => $.strcasecmp(['ABC', 'abd']), -1)
e('substr', ({ $ }) => $.substr(['$t', 0, 3]), 'a,b')
e('substrBytes', ({ $ }) => $.substrBytes(['$s', 6, 3]), '世')
e('substrCP', ({ $ }) => $.substrCP(['$s', 6, 1]), '世')
e('substr -1', ({ $ }) => $.substr(['$t', 2, -1]), 'b,c')
e('toLower', ({ $ }) => $.toLower('$s'), 'hello 世界')
e('toUpper', ({ $ }) => $.toUpper('$s'), 'HELLO 世界')
e('year', ({ $ }) => $.year('$d'), 2026)
e('month', ({ $ }) => $.month('$d'), 3)
e('dayOfMonth', ({ $ }) => $.dayOfMonth('$d'), 9)
e('dayOfMonth tz', ({ $ }) => $.dayOfMonth({ date: '$d', timezone: 'Asia/Shanghai' }), 10)
e('hour tz', ({ $ }) => $.hour({ date: '$d', timezone: '+08:00' }), 1)
e('hour tz name', ({ $ }) => $.hour({ date: '$d', timezone: 'Asia/Shanghai' }), 1)
e('hour', ({ $ }) => $.hour('$d'), 17)
e('minute', ({ $ }) => $.minute('$d'), 5)
e('second', ({ $ }) => $.second('$d'), 6)
e('millisecond', ({ $ }) => $.millisecond('$d'), 789)
e('dayOfWeek', ({ $ }) => $.dayOfWeek('$d'), 2)
e('dayOfYear', ({ $ }) => $.dayOfYear('$d'), 68)
e('isoDayOfWeek', ({ $ }) => $.isoDayOfWeek('$d'), 1)
e('isoWeek', ({ $ }) => $.isoWeek('$d'), 11)
e('isoWeekYear', ({ $ }) => $.isoWeekYear('$d'), 2026)
e('week', ({ $ }) => $.week('$d'), 10)
e('week of the first Sunday', ({ $ }) => $.week({ date: new Date('2023-01-01T00:00:00Z') }), 1)
e('week before the first Sunday', ({ $ }) => $.week(new Date('2026-01-03T00:00:00Z')), 0)
e('year of null', ({ $ }) => $.year('$z'), null)
e(
  'dateFromParts',
  ({ $ }) => $.dateFromParts({ year: 2026, month: 2, day: 8, hour: 12, timezone: 'Asia/Shanghai' }),
  new Date('2026-02-08T04:00:00Z'),
)
e(
  'dateFromParts iso',
  ({ $ }) => $.dateFromParts({ isoWeekYear: 2026, isoWeek: 11, isoDayOfWeek: 1 }),
  new Date('2026-03-09T00:00:00Z'),
)
e(
  'dateFromParts overflow',
  ({ $ }) => $.dateFromParts({ year: 2026, month: 14, day: 1 }),
  new Date('2027-02-01T00:00:00Z'),
)
e(
  'dateFromString',
  ({ $ }) => $.dateFromString({ dateString: '2026-02-08T12:30:00Z' }),
  new Date('2026-02-08T12:30:00Z'),
)
e(
  'dateFromString date only',
  ({ $ }) => $.dateFromString({ dateString: '2026-02-08' }),
  new Date('2026-02-08T00:00:00Z'),
)
e(
  'dateFromString tz',
  ({ $ }) => $.dateFromString({ dateString: '2026-02-08T12:00:00', timezone: 'Asia/Shanghai' }),
  new Date('2026-02-08T04:00:00Z'),
)
e(
  'dateFromString format',
  ({ $ }) => $.dateFromString({ dateString: '08-02-2026', format: '%d-%m-%Y' }),
  new Date('2026-02-08T00:00:00Z'),
)
e('dateFromString onError', ({ $ }) => $.dateFromString({ dateString: 'x', onError: 'bad' }), 'bad')
e('dateFromString onNull', ({ $ }) => $.dateFromString({ dateString: '$z', onNull: 'nil' }), 'nil')
e('dateToString', ({ $ }) => $.dateToString({ date: '$d', format: '%Y-%m-%d %H:%M:%S:%L' }), '2026-03-09 17:05:06:789')
e(
  'dateToString tz',
  ({ $ }) => $.dateToString({ date: '$d', format: '%Y-%m-%d %H:%M', timezone: 'Asia/Shanghai' }),
  '2026-03-10 01:05',
)
e(
  'dateToString more',
  ({ $ }) => $.dateToString({ date: '$d', format: '%j %u %U %V %G %w %z %Z %%' }),
  '068 1 10 11 2026 2 +0000 +000 %',
)
e('dateToString default', ({ $ }) => $.dateToString({ date: '$d' }), '2026-03-09T17:05:06.789Z')
e('dateToString onNull', ({ $ }) => $.dateToString({ date: '$z', format: '%Y', onNull: 'none' }), 'none')
e('sum in project', ({ $ }) => $.sum('$arr'), 8)
e('sum list', ({ $ }) => $.sum(['$m', 1]), 4)
e('avg in project', ({ $ }) => $.avg('$arr'), 2)
e('max in project', ({ $ }) => $.max('$arr'), 3)
e('min in project', ({ $ }) => $.min(['$m', 1]), 1)
e('first list', ({ $ }) => $.first('$arr'), 1)
e('dotted arrays', () => '$objs.v', [1, 2])
e('ROOT', () => '$$ROOT._id', 1)
e('nested object literal', ({ $ }) => ({ a: '$m', b: { c: $.add(['$m', 1]) } }), { a: 3, b: { c: 4 } })
e('array literal', () => ['$m', 'x', '$nope'], [3, 'x', null])
e('unknown op', () => ({ $foo: 1 }), refused('DATABASE_REQUEST_FAILED', /\$foo/))
e('meta', ({ $ }) => $.meta('textScore'), refused('DATABASE_REQUEST_FAILED', /meta/))
