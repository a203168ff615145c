/** Aggregation expressions at the entrance: a list of operators that may be used, everything else is refused. */
import { LIMITS } from '@sampan/protocol/limits'
import { checkFieldName, type Decoding, decodeValue, refuse } from './decode-value.ts'
import type { Json } from './document-request.ts'
import { isArray, isObject, wrapperKey } from './document-values.ts'

const OPERATORS = new Set(
  `$abs $add $ceil $divide $exp $floor $ln $log $log10 $mod $multiply $pow $round $sqrt $subtract $trunc
  $arrayElemAt $arrayToObject $concatArrays $filter $first $in $indexOfArray $isArray $last $map $range $reduce
  $reverseArray $size $slice $sortArray $zip $and $or $not $cmp $eq $gt $gte $lt $lte $ne $cond $ifNull $switch
  $dateFromParts $dateFromString $dateToParts $dateToString $dateAdd $dateSubtract $dateDiff $dateTrunc
  $dayOfMonth $dayOfWeek $dayOfYear $hour $isoDayOfWeek $isoWeek $isoWeekYear $millisecond $minute $month $second
  $week $year $literal $mergeObjects $objectToArray $getField
  $allElementsTrue $anyElementTrue $setDifference $setEquals $setIntersection $setIsSubset $setUnion
  $concat $indexOfBytes $indexOfCP $split $strLenBytes $strLenCP $strcasecmp $substr $substrBytes $substrCP
  $toLower $toUpper $trim $ltrim $rtrim $replaceOne $replaceAll
  $convert $isNumber $toBool $toDate $toDouble $toInt $toLong $toString $type $let
  $addToSet $avg $max $min $push $stdDevPop $stdDevSamp $sum $count $firstN $lastN $maxN $minN`
    .split(/\s+/)
    .filter(Boolean),
)

/** These can make much out of little, or walk arrays inside arrays: not for conditions that run on the event loop. */
const HEAVY_OPERATORS = new Set([
  '$range',
  '$reduce',
  '$map',
  '$filter',
  '$zip',
  '$concatArrays',
  '$sortArray',
  '$replaceAll',
])

const VALUES = new Set(
  '$numberInt $numberLong $numberDouble $date $oid $tcb_server_date $serverDate $binary $timestamp'.split(' '),
)

/** CloudBase's names for two of MongoDB's operators. */
const ALIASES: Readonly<Record<string, string>> = { $neq: '$ne', $stdDev: '$stdDevPop' }

/** @param isLight for `$expr`, which is evaluated outside the aggregation's thread */
export function decodeExpression(expression: Json, decoding: Decoding, path: string, isLight = false, depth = 1): Json {
  if (depth > LIMITS.documentDepth) refuse(decoding, path, `is nested deeper than ${LIMITS.documentDepth} levels`)
  if (typeof expression !== 'object' || expression === null) return decodeValue(expression, decoding, path, depth)
  if (isArray(expression)) {
    if (expression.length > LIMITS.arrayElements)
      refuse(decoding, path, `has more than ${LIMITS.arrayElements} elements`)
    return expression.map((each) => decodeExpression(each, decoding, path, isLight, depth + 1))
  }
  const key = isObject(expression) ? wrapperKey(expression) : undefined
  if (key !== undefined && VALUES.has(key)) return decodeValue(expression, decoding, path, depth)
  const decoded: { [key: string]: Json } = {}
  for (const [name, operand] of Object.entries(expression)) {
    decoding.keys++
    if (decoding.keys > LIMITS.documentKeys) refuse(decoding, path, 'is too large')
    decoded[decodeName(name, decoding, path, isLight)] =
      name === '$literal'
        ? decodeValue(operand, decoding, path, depth)
        : decodeExpression(operand, decoding, path, isLight, depth + 1)
  }
  return decoded
}

function decodeName(given: string, decoding: Decoding, path: string, isLight: boolean): string {
  const name = ALIASES[given] ?? given
  if (!name.startsWith('$')) {
    for (const part of name.split('.')) checkFieldName(part, decoding, `${path}.${name}`)
    return name
  }
  if (!OPERATORS.has(name)) refuse(decoding, path, `has the unsupported operator ${name.slice(0, 40)}`)
  if (isLight && HEAVY_OPERATORS.has(name))
    refuse(decoding, path, `may not use ${name} in $expr; use a stage of an aggregation`)
  return name
}
