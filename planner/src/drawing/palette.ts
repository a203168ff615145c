/** Colours of the drawing, light and dark. Inline everywhere: CSS variables do not survive image converters. */
import type { NodeKind } from '../architecture.ts'

export type Theme = 'light' | 'dark'

export type Palette = {
  readonly background: string
  readonly card: string
  readonly border: string
  readonly frame: string
  readonly frameBorder: string
  readonly text: string
  readonly muted: string
  readonly line: string
  readonly binding: string
  readonly bindingFill: string
  readonly onBinding: string
  readonly kinds: { readonly [K in NodeKind]: string }
}

export const PALETTES: { readonly [K in Theme]: Palette } = {
  light: {
    background: '#ffffff',
    card: '#ffffff',
    border: '#d5dbe3',
    frame: '#f5f7fa',
    frameBorder: '#c3ccd8',
    text: '#16202c',
    muted: '#5c6b7d',
    line: '#8a97a8',
    binding: '#c4450c',
    bindingFill: '#fff4ec',
    onBinding: '#ffffff',
    kinds: {
      client: '#07a35a',
      edge: '#0b74c9',
      compute: '#4a57c4',
      data: '#8a4fc0',
      storage: '#0e8a93',
      service: '#6b7787',
    },
  },
  dark: {
    background: '#12171e',
    card: '#1b222c',
    border: '#364252',
    frame: '#161c24',
    frameBorder: '#3a4758',
    text: '#e8edf3',
    muted: '#9aa8b8',
    line: '#71808f',
    binding: '#ff9a5c',
    bindingFill: '#33241b',
    onBinding: '#1c1209',
    kinds: {
      client: '#3ccb86',
      edge: '#5aaef5',
      compute: '#8f9bff',
      data: '#bf8df0',
      storage: '#4cc7cf',
      service: '#97a4b3',
    },
  },
}

/** No web fonts: blocked or slow where our readers are. */
export const FONTS = "'PingFang SC','Microsoft YaHei','Noto Sans CJK SC','WenQuanYi Micro Hei',sans-serif"
