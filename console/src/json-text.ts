/** Text that a person typed as JSON. */
import { t } from './language.ts'

/** @throws {Error} with words for a person */
export function parseObject(text: string): Record<string, unknown> {
  let value: unknown
  try {
    value = JSON.parse(text.trim() || '{}')
  } catch (error) {
    throw new Error(t(`This is not JSON: ${(error as Error).message}`, `不是合法的 JSON：${(error as Error).message}`)) // safe: JSON.parse throws only SyntaxError
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new Error(t('This must be an object: { … }', '必须是对象：{ … }'))
  }
  return { ...value }
}

export const pretty = (value: unknown) => JSON.stringify(value, null, 2)

/** A value in one line of a table. */
export function brief(value: unknown): string {
  if (typeof value === 'string') return value
  if (value && typeof value === 'object' && '$date' in value) {
    const inner = (value as { $date: unknown }).$date
    const at = new Date(
      typeof inner === 'object' && inner ? Number(Object.values(inner)[0]) : (inner as string | number),
    )
    return Number.isNaN(at.getTime()) ? JSON.stringify(value) : at.toLocaleString()
  }
  return JSON.stringify(value) ?? ''
}
