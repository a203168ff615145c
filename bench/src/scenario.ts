/** A scenario as data: who sends which requests in which proportion, what they need, and what to clean up. */
import type { RequestStep } from './request-template.ts'

export type Scenario = {
  readonly name: string
  readonly about: { readonly en: string; readonly zh: string }
  /** Users that log in before the measurement; their tokens are sent. 0: everything is anonymous. */
  readonly users: number
  readonly steps: readonly RequestStep[]
  /** Sent once per user afterwards, to remove what the run wrote. */
  readonly cleanUp?: readonly RequestStep[]
}

const MOST_USERS = 5_000
const MOST_STEPS = 50
const METHODS = new Set(['GET', 'POST', 'PUT', 'PATCH', 'DELETE'])

/** The one message that lists everything wrong with a scenario file. */
export class ScenarioError extends Error {
  override readonly name = 'ScenarioError'
  readonly problems: readonly string[]

  constructor(problems: readonly string[]) {
    super(`The scenario cannot be used:\n  ${problems.join('\n  ')}`)
    this.problems = problems
  }
}

/** @throws {ScenarioError} */
export function parseScenario(json: string): Scenario {
  const problems: string[] = []
  let value: unknown
  try {
    value = JSON.parse(json)
  } catch (error) {
    throw new ScenarioError([error instanceof Error ? error.message : String(error)])
  }
  const scenario = isRecord(value) ? value : {}
  const { name, users = 0, steps, cleanUp = [] } = scenario
  if (typeof name !== 'string' || !name) problems.push('name: a text is needed')
  if (!isWhole(users, 0, MOST_USERS)) problems.push(`users: a whole number from 0 to ${MOST_USERS} is needed`)
  if (!Array.isArray(steps) || !steps.length) problems.push('steps: at least one step is needed')
  else if (steps.length > MOST_STEPS) problems.push(`steps: at most ${MOST_STEPS}`)
  else problems.push(...steps.flatMap((step: unknown, index) => stepProblems(step, `steps[${index}]`)))
  if (!Array.isArray(cleanUp)) problems.push('cleanUp: a list of steps is needed')
  else problems.push(...cleanUp.flatMap((step: unknown, index) => stepProblems(step, `cleanUp[${index}]`)))
  if (problems.length) throw new ScenarioError(problems)
  const about = isRecord(scenario['about']) ? scenario['about'] : {}
  return {
    ...(scenario as Omit<Scenario, 'about' | 'users'>), // safe: checked above
    users: Number(users),
    about: { en: String(about['en'] ?? name), zh: String(about['zh'] ?? about['en'] ?? name) },
  }
}

function stepProblems(step: unknown, place: string): string[] {
  if (!isRecord(step)) return [`${place}: an object is needed`]
  const { name, weight = 1, method, path, headers } = step
  return [
    typeof name !== 'string' || !name ? `${place}.name: a text is needed` : '',
    typeof weight !== 'number' || !(weight >= 0) ? `${place}.weight: a number of at least 0 is needed` : '',
    typeof method !== 'string' || !METHODS.has(method) ? `${place}.method: one of ${[...METHODS].join(', ')}` : '',
    typeof path !== 'string' || !path.startsWith('/') ? `${place}.path: must begin with /` : '',
    headers !== undefined && !isRecord(headers) ? `${place}.headers: an object is needed` : '',
    hasLineBreak([path, ...Object.entries(headers ?? {}).flat()])
      ? `${place}: path and headers take no line breaks`
      : '',
  ].filter(Boolean)
}

/** A line break in a header would begin another header, or another request. */
const hasLineBreak = (texts: readonly unknown[]) => texts.some((text) => /[\r\n]/.test(String(text)))

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const isWhole = (value: unknown, low: number, high: number) =>
  Number.isInteger(value) && Number(value) >= low && Number(value) <= high
