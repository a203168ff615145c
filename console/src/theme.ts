/** Light or dark: the browser's wish until somebody chooses. */
import { ref } from 'vue'

export type Theme = 'light' | 'dark'

export const theme = ref<Theme>(document.documentElement.getAttribute('theme-mode') === 'dark' ? 'dark' : 'light')

export function setTheme(value: Theme) {
  theme.value = value
  document.documentElement.setAttribute('theme-mode', value)
  localStorage.setItem('sampan-theme', value)
}

/** A colour of the house, as the page has it now: for charts, which draw on a canvas. */
export const cssColor = (name: string) => getComputedStyle(document.documentElement).getPropertyValue(name).trim()
