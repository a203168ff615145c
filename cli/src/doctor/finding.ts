/** What the doctor says about one thing. */
import type { Bilingual } from '../command.ts'

export type Level = 'good' | 'warn' | 'bad' | 'unknown'

export type Finding = {
  /** Stable, for scripts. */
  readonly id: string
  readonly level: Level
  readonly title: Bilingual
  /** What was seen. */
  readonly detail?: Bilingual
  /** A command that mends it, or the first step. */
  readonly fix?: string
}

export const MARKS: Record<Level, string> = { good: '🟢', warn: '🟡', bad: '🔴', unknown: '⚪' }

export const both = (en: string, zh: string): Bilingual => ({ en, zh })
