/** The scenarios that come with the bench: files in `bench/scenarios/`, in the same form as people's own. */
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { parseScenario, type Scenario } from './scenario.ts'

export const BUILT_IN_SCENARIOS = ['mix', 'functions', 'uploads'] as const
export type BuiltInScenario = (typeof BUILT_IN_SCENARIOS)[number]

const FOLDER = path.resolve(import.meta.dirname, '../scenarios')

export const readBuiltInScenario = (name: BuiltInScenario): Scenario =>
  parseScenario(readFileSync(path.join(FOLDER, `${name}.json`), 'utf8'))
