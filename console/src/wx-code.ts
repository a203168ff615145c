/** The console's queries as the code that a mini program or a function would use. */
const OPERATORS = ['eq', 'neq', 'gt', 'gte', 'lt', 'lte', 'in', 'nin', 'exists', 'all', 'size'] as const
const WX_NAMES: Record<string, string> = {
  ...Object.fromEntries(OPERATORS.map((name) => [`$${name}`, name])),
  $ne: 'neq',
}

export function findCode(collection: string, query: object, order: Record<string, 1 | -1> = {}): string {
  const where = Object.keys(query).length ? `\n  .where(${toSource(query)})` : ''
  const sorted = Object.entries(order)
    .map(([field, way]) => `\n  .orderBy(${quote(field)}, '${way === 1 ? 'asc' : 'desc'}')`)
    .join('')
  const needsCommand = where.includes('_.')
  return `const db = wx.cloud.database()\n${needsCommand ? 'const _ = db.command\n' : ''}const { data } = await db.collection(${quote(collection)})${where}${sorted}\n  .get()`
}

const quote = (text: string) => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`

/** JSON with MongoDB operators as JavaScript with `_.` commands. */
export function toSource(value: unknown): string {
  if (typeof value === 'string') return quote(value)
  if (value === null || typeof value !== 'object') return String(value)
  if (Array.isArray(value)) return `[${value.map(toSource).join(', ')}]`
  const entries = Object.entries(value)
  const commands = entries.filter(([key]) => key in WX_NAMES)
  if (entries.length > 0 && commands.length === entries.length) {
    const [first = '', ...rest] = commands.map(([key, operand]) => `${WX_NAMES[key]}(${toSource(operand)})`)
    return `_.${[first, ...rest.map((one) => `and(_.${one})`)].join('.')}`
  }
  const shown = entries.map(
    ([key, inner]) => `${/^[A-Za-z_$][\w$]*$/.test(key) ? key : quote(key)}: ${toSource(inner)}`,
  )
  return `{ ${shown.join(', ')} }`
}
