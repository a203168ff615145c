/** Expressions of aggregation stages: those of CloudBase's client, and those that only its typings name. */
// biome-ignore format: one word per expression
export type ExpressionName =
  | 'abs' | 'add' | 'ceil' | 'divide' | 'exp' | 'floor' | 'ln' | 'log' | 'log10' | 'mod' | 'multiply' | 'pow'
  | 'sqrt' | 'subtract' | 'trunc' | 'arrayElemAt' | 'arrayToObject' | 'concatArrays' | 'filter' | 'in'
  | 'indexOfArray' | 'isArray' | 'map' | 'range' | 'reduce' | 'reverseArray' | 'size' | 'slice' | 'zip' | 'and'
  | 'not' | 'or' | 'cmp' | 'eq' | 'gt' | 'gte' | 'lt' | 'lte' | 'neq' | 'cond' | 'ifNull' | 'switch'
  | 'dateFromParts' | 'dateFromString' | 'dateToParts' | 'dateToString' | 'dayOfMonth' | 'dayOfWeek' | 'dayOfYear'
  | 'isoDayOfWeek' | 'isoWeek' | 'isoWeekYear' | 'millisecond' | 'minute' | 'month' | 'second' | 'hour' | 'week'
  | 'year' | 'literal' | 'mergeObjects' | 'objectToArray' | 'allElementsTrue' | 'anyElementTrue' | 'setDifference'
  | 'setEquals' | 'setIntersection' | 'setIsSubset' | 'setUnion' | 'concat' | 'indexOfBytes' | 'indexOfCP' | 'split'
  | 'strLenBytes' | 'strLenCP' | 'strcasecmp' | 'substr' | 'substrBytes' | 'substrCP' | 'toLower' | 'toUpper'
  | 'trim' | 'ltrim' | 'rtrim' | 'meta' | 'addToSet' | 'avg' | 'first' | 'last' | 'max' | 'min' | 'push'
  | 'stdDevPop' | 'stdDevSamp' | 'sum' | 'let' | 'convert' | 'toBool' | 'toDate' | 'toDecimal' | 'toDouble' | 'toInt'
  | 'toLong' | 'toObjectId' | 'toString' | 'type'
