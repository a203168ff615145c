/** The verdict about one box: the bands, the conditions, what binds, and how far it reaches. */
import { capacityOf } from './box-capacity.ts'
import type { Box } from './box-input.ts'
import type { MeasuredCapacity } from './capacity-reference.ts'
import { type Constraint, constraintsOf } from './constraints.ts'
import { type Estimate, estimate } from './estimate.ts'
import { featureOf } from './features.ts'
import type { Ranges } from './parameters.ts'
import type { ImagePlace, PlanInput } from './plan-input.ts'
import { unmetRequirements } from './requirements.ts'

export type Verdict = 'enough' | 'enough-if' | 'tight' | 'not-enough' | 'not-a-fit'

export type ConditionId = 'images-to-cdn' | 'heavy-work-apart' | 'extend-disk' | 'set-alarms'

export type Assessment = {
  readonly verdict: Verdict
  /** What has to be done for the verdict to hold, most important first. */
  readonly conditions: readonly ConditionId[]
  readonly constraints: readonly Constraint[]
  readonly binding: Constraint
  readonly estimate: Estimate
  readonly images: ImagePlace
}

/** Utilisation at the planning quantile, up to and including. Queueing doubles the response time at 0.5, and 0.7 more than triples it. */
export const BANDS = { enough: 0.5, withAlarms: 0.7, tight: 1 } as const

export type Question = {
  readonly input: PlanInput
  readonly box: Box
  readonly ranges: Ranges
  readonly measured: MeasuredCapacity | undefined
}

export function assess(question: Question): Assessment {
  const { images } = question.input
  const chosen = assessWith(question, images ?? defaultImagePlace(question.input))
  if (images !== undefined || chosen.images === 'server') return chosen

  // Nobody decided where the images go. If the box would not carry them, a CDN is a condition of the verdict.
  const carried = assessWith(question, 'server')
  const needsCdn = rank(carried.verdict) > rank('enough-if') && carried.binding.resource !== 'requirement'
  return needsCdn ? withCondition(chosen, 'images-to-cdn') : chosen
}

/** A stated stream of images without a place comes from the server; otherwise the recommended place is assumed. */
const defaultImagePlace = ({ overrides }: PlanInput): ImagePlace =>
  overrides.imageKBPerSecond === undefined ? 'cdn' : 'server'

function assessWith({ input, box, ranges, measured }: Question, images: ImagePlace): Assessment {
  const sum = estimate({ input, ranges, sendsImages: images === 'server', measured, cores: box.cores })
  const unmet = unmetRequirements(input)
  const constraints = [...unmet, ...constraintsOf(sum, capacityOf(box, input, measured))]
  const binding = constraints[0]
  if (!binding) throw new Error('a box always has constraints')

  const assessment: Assessment = {
    verdict: bandOf(constraints),
    conditions: [],
    constraints,
    binding,
    estimate: sum,
    images,
  }
  if (unmet.length > 0) return { ...assessment, verdict: 'not-a-fit' }
  const hasHeavyWork = sum.demand.jobCores > 0 || input.features.some((id) => featureOf(id).work)
  const apart = hasHeavyWork ? withCondition(assessment, 'heavy-work-apart') : assessment
  const isDiskFull = constraints.some(({ resource, utilisation }) => resource === 'disk' && utilisation > 1)
  const checked = isDiskFull ? withCondition(apart, 'extend-disk') : apart
  return bandOf(constraints) === 'enough-if' ? withCondition(checked, 'set-alarms') : checked
}

/**
 * Every resource has to fit. A need that does not grow is judged by whether it fits, not by how closely; a disk that
 * fills is a condition, not a verdict.
 */
function bandOf(constraints: readonly Constraint[]): Verdict {
  const worst = Math.max(
    ...constraints
      .filter(({ resource }) => resource !== 'disk')
      .map(({ grows, utilisation }) => (grows || utilisation > BANDS.withAlarms ? utilisation : 0)),
  )
  if (worst <= BANDS.enough) return 'enough'
  if (worst <= BANDS.withAlarms) return 'enough-if'
  return worst <= BANDS.tight ? 'tight' : 'not-enough'
}

function withCondition(assessment: Assessment, condition: ConditionId): Assessment {
  const verdict = assessment.verdict === 'enough' ? 'enough-if' : assessment.verdict
  return { ...assessment, verdict, conditions: [...assessment.conditions, condition] }
}

const ORDER: readonly Verdict[] = ['enough', 'enough-if', 'tight', 'not-enough', 'not-a-fit']

/** Larger is worse. */
export const rank = (verdict: Verdict): number => ORDER.indexOf(verdict)

export const fits = ({ verdict }: Assessment): boolean => rank(verdict) <= rank('enough-if')

/** How many times the load could be what it is, and the daily users that would be. */
export function headroomOf({ constraints }: Assessment, dau: number | undefined) {
  const growing = constraints.filter(
    ({ resource, grows, utilisation }) => resource !== 'disk' && (grows || utilisation > 1),
  )
  const worst = Math.max(0, ...growing.map(({ utilisation }) => utilisation))
  const factor = Math.min(1 / Math.max(worst, 1e-6), MOST_HEADROOM)
  return { factor, dau: dau === undefined ? null : Math.floor(dau * factor) }
}

/** Beyond this the figure says nothing but "far away". */
const MOST_HEADROOM = 10_000
