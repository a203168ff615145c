/** The plan page's form: what is asked, how it becomes the planner's input, and how it lives in the address. */
import type { AppTypeId } from '@sampan/planner/app-types'
import { shellWord } from './echo.ts'

export type PlanForm = {
  type: AppTypeId
  dau: number
  peakOnline: number | undefined
  features: string[]
  bundle: string
  images: '' | 'server' | 'cdn'
  database: 'sqlite' | 'mysql' | 'postgres'
  requestsPerSecond: number | undefined
  participants: number | undefined
  connections: number | undefined
}

export const EMPTY_FORM: PlanForm = {
  type: 'booking',
  dau: 3_000,
  peakOnline: undefined,
  features: [],
  bundle: '',
  images: '',
  database: 'sqlite',
  requestsPerSecond: undefined,
  participants: undefined,
  connections: undefined,
}

/** The form as the planner, the command line and a file take it: only what was said. */
export function toInput(form: PlanForm): Record<string, unknown> {
  const input: Record<string, unknown> = { type: form.type, dau: form.dau }
  if (form.peakOnline) input['peakOnline'] = form.peakOnline
  if (form.features.length) input['features'] = form.features
  if (form.bundle) input['bundle'] = form.bundle
  if (form.images) input['images'] = form.images
  if (form.database !== 'sqlite') input['database'] = form.database
  if (form.requestsPerSecond) input['requestsPerSecond'] = form.requestsPerSecond
  if (form.participants) input['participants'] = form.participants
  if (form.connections) input['connections'] = form.connections
  return input
}

/** The same question for a terminal: flags where the command has one, --set for the rest. */
export function toCommand(form: PlanForm): string {
  const words = ['sampan plan', '--type', form.type, '--dau', String(form.dau)]
  const add = (flag: string, value: string | number | undefined) => {
    if (value) words.push(flag, shellWord(String(value)))
  }
  add('--peak-online', form.peakOnline)
  add('--features', form.features.join(','))
  add('--bundle', form.bundle)
  add('--images', form.images)
  add('--database', form.database === 'sqlite' ? undefined : form.database)
  add('--participants', form.participants)
  if (form.requestsPerSecond) add('--set', `requestsPerSecond=${form.requestsPerSecond}`)
  if (form.connections) add('--set', `connections=${form.connections}`)
  return words.join(' ')
}

export const toHash = (form: PlanForm) => `#${encodeURIComponent(JSON.stringify(toInput(form)))}`

/** A shared address; whatever is not understood keeps its default, and the planner checks the rest. */
export function fromHash(hash: string): PlanForm {
  try {
    const given: unknown = JSON.parse(decodeURIComponent(hash.slice(1)))
    if (typeof given !== 'object' || given === null) return { ...EMPTY_FORM }
    const known = Object.entries(given).filter(
      ([key, value]) =>
        key in EMPTY_FORM &&
        (key === 'features' ? Array.isArray(value) : typeof value === 'number' || typeof value === 'string'),
    )
    return { ...EMPTY_FORM, ...Object.fromEntries(known) }
  } catch {
    return { ...EMPTY_FORM }
  }
}
