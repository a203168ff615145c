/** The kind of a value, also one from another JavaScript realm: `Object`, `Date`, `RegExp`, `Array`… */
export const kindOf = (value: unknown): string => Object.prototype.toString.call(value).slice(8, -1)

/** Whether the value is an object and not an array, a date, a regular expression… */
export const isPlainObject = (value: unknown): value is Record<string, unknown> => kindOf(value) === 'Object'
