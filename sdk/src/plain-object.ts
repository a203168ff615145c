/** Whether the value is an object and not an array, a date, a regular expression… */
export const isPlainObject = (value: unknown): value is Record<string, unknown> =>
  Object.prototype.toString.call(value) === '[object Object]'
