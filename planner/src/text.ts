/** Everything people read exists in English and Chinese; programs read the ids beside it. */
export type Language = 'en' | 'zh'

export type Text = { readonly en: string; readonly zh: string }

export const text = (en: string, zh: string): Text => ({ en, zh })

/** A figure as a person would say it: three digits, thousands grouped, no trailing zeros. */
export function formatNumber(value: number): string {
  if (!Number.isFinite(value)) return '∞'
  const magnitude = Math.abs(value)
  if (magnitude >= 1000) return Math.round(value).toLocaleString('en-US')
  if (magnitude >= 100) return String(Math.round(value))
  if (magnitude >= 10) return String(Math.round(value * 10) / 10)
  if (magnitude >= 0.01 || magnitude === 0) return String(Math.round(value * 100) / 100)
  return '<0.01'
}

export const formatPercent = (share: number): string => `${Math.round(share * 100)}%`

const LONGEST_QUOTE = 60

/** What somebody wrote, inside a message: a whole file given by mistake must not become the message. */
export function quote(value: unknown): string {
  const written = typeof value === 'string' ? value : (JSON.stringify(value) ?? String(value))
  return written.length > LONGEST_QUOTE ? `${written.slice(0, LONGEST_QUOTE)}…` : written
}
