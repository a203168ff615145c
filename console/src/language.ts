/**
 * The two languages of the console. Both wordings stand side by side where they are used, so that neither can be
 * forgotten: `t('Sign in', '登录')`.
 */
import { ref } from 'vue'

export type Lang = 'en' | 'zh'

export const lang = ref<Lang>(document.documentElement.lang.startsWith('zh') ? 'zh' : 'en')

export const t = (en: string, zh: string) => (lang.value === 'zh' ? zh : en)

export function setLang(value: Lang) {
  lang.value = value
  document.documentElement.lang = value === 'zh' ? 'zh-CN' : 'en'
  localStorage.setItem('sampan-lang', value)
}

const LOCALES = { en: 'en-GB', zh: 'zh-CN' } as const

export function formatNumber(value: number, digits = 0) {
  return new Intl.NumberFormat(LOCALES[lang.value], { maximumFractionDigits: digits }).format(value)
}

export function formatBytes(bytes: number) {
  const units = ['B', 'KB', 'MB', 'GB', 'TB']
  let step = 0
  let value = bytes
  while (value >= 1024 && step < units.length - 1) {
    value /= 1024
    step += 1
  }
  return `${formatNumber(value, value < 10 && step > 0 ? 1 : 0)} ${units[step]}`
}

export function formatMs(ms: number) {
  if (ms >= 10_000) return `${formatNumber(ms / 1000)} s`
  if (ms >= 1000) return `${formatNumber(ms / 1000, 1)} s`
  return `${formatNumber(ms, ms < 10 ? 1 : 0)} ms`
}

export function formatTime(atMs: number) {
  return new Intl.DateTimeFormat(LOCALES[lang.value], {
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    hour12: false,
  }).format(atMs)
}

export function formatSpan(ms: number) {
  const minutes = Math.floor(ms / 60_000)
  if (minutes < 1) return t(`${Math.floor(ms / 1000)} s`, `${Math.floor(ms / 1000)} 秒`)
  if (minutes < 60) return t(`${minutes} min`, `${minutes} 分钟`)
  if (minutes < 48 * 60) return t(`${Math.floor(minutes / 60)} h`, `${Math.floor(minutes / 60)} 小时`)
  return t(`${Math.floor(minutes / 1440)} days`, `${Math.floor(minutes / 1440)} 天`)
}
