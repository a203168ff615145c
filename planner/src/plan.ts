/** The advisor: one input, one answer. Pure and deterministic: the same input gives the same plan everywhere. */
import { type Step, stepsFor } from './advice.ts'
import { type Architecture, architectureOf } from './architecture.ts'
import { type Assessment, fits, headroomOf, type Question, type Verdict } from './assessment.ts'
import type { BoxInput } from './box-input.ts'
import type { MeasuredCapacity } from './capacity-reference.ts'
import type { CatalogueBundle } from './catalogue/bundles.ts'
import type { Confidence, Source, SourceId } from './catalogue/sources.ts'
import type { Constraint } from './constraints.ts'
import type { MonthlyCost } from './costs.ts'
import {
  biggerDesigns,
  byWorth,
  chooseBigger,
  type Design,
  type DesignId,
  jobsApart,
  type LightDesign,
  lightDesign,
  lightDesigns,
} from './designs.ts'
import { hasOwnFigures } from './estimate.ts'
import { type Flip, findFlip } from './flip.ts'
import { notesFor } from './notes.ts'
import { rangesFor } from './parameters.ts'
import { type ImagePlace, type PlanInput, parsePlanInput } from './plan-input.ts'
import { sourcesOf } from './plan-sources.ts'
import type { Text } from './text.ts'
import { calibrate } from './visit-trend.ts'
import { type Watch, watchFor } from './watch.ts'

/** A box in an answer: the model's figures, and the catalogue's price and origin where it has them. */
export type BundleAnswer = Omit<BoxInput, 'row'> &
  Partial<Pick<CatalogueBundle, 'id' | 'vendor' | 'family' | 'priceYuanPerMonth' | 'asOf' | 'source' | 'confidence'>>

export type Alternative = {
  readonly design: DesignId
  readonly title: Text
  readonly reason: Text
  readonly bundle: BundleAnswer | null
  readonly images: ImagePlace
  readonly verdict: Verdict | null
  readonly monthlyCost: MonthlyCost
  readonly instances: number
}

export type Recommendation = Alternative & { readonly steps: readonly Step[]; readonly yuanPer1000Users: number | null }

/** The answer. Its JSON form is a stable interface. */
export type PlanResult = {
  readonly verdict: Verdict
  readonly conditions: Assessment['conditions']
  readonly binding: Constraint
  /** Every constraint, the tightest first; the first is `binding`, the next two are what binds after it. */
  readonly constraints: readonly Constraint[]
  readonly headroom: { readonly factor: number; readonly dau: number | null }
  readonly recommendation: Recommendation
  readonly alternatives: readonly Alternative[]
  readonly flip: Flip
  readonly confidence: Confidence
  readonly demand: {
    readonly requestsPerSecond: {
      readonly mean: number
      readonly peakP50: number
      readonly peakP90: number
      readonly planned: number
    }
    readonly concurrentUsers: number
    readonly megabitPerSecond: number
    readonly trafficGBPerMonth: number
    readonly connections: number
    readonly messagesPerSecond: number
    readonly writesPerSecond: number
    readonly cpuCores: number
    readonly memoryMB: number
    readonly diskGBPerDay: number
  }
  readonly architecture: Architecture
  readonly watch: readonly Watch[]
  readonly notes: readonly Text[]
  readonly sources: readonly ({ readonly id: SourceId } & Source)[]
  /** The box the verdict is about, and whether the user named it. */
  readonly about: {
    readonly bundle: BundleAnswer
    readonly isGiven: boolean
    readonly images: ImagePlace
    readonly title: Text
  }
  readonly input: PlanInput
}

export type PlanOptions = { readonly capacity?: MeasuredCapacity | undefined }

/** @throws {PlanInputError} if the input is not understood */
export function plan(value: unknown, { capacity }: PlanOptions = {}): PlanResult {
  const input = parsePlanInput(value)
  const ranges = rangesFor(input, capacity)
  const ask = (box: BoxInput): Question => ({ input, box, ranges, measured: capacity })
  const candidates = lightDesigns(ask(input.bundle ?? ANY_BOX), true, input.bundle)

  const about = input.bundle ? lightDesign(ask(input.bundle), input.bundle, undefined) : smallest(candidates, input)
  const question = ask(about.bundle)
  const { assessment } = about
  const bigger = biggerDesigns(question)
  const apart = jobsApart(question)
  const recommended = recommend(about, candidates, bigger, apart, input)
  const dau = input.dau ?? calibrate(input.visits)?.dau
  const headroom = headroomOf(assessment, dau)
  const recommendedAssessment = 'assessment' in recommended ? recommended.assessment : assessment

  return {
    verdict: assessment.verdict,
    conditions: assessment.conditions,
    binding: assessment.binding,
    constraints: assessment.constraints,
    headroom,
    recommendation: {
      ...toAlternative(recommended),
      steps: stepsFor(recommended, recommendedAssessment, input),
      yuanPer1000Users: dau ? (recommended.monthlyCost.total / dau) * 1000 : null,
    },
    alternatives: alternativesOf(recommended, candidates, bigger, apart).map(toAlternative),
    flip: findFlip(question, assessment, headroom.factor),
    confidence: confidenceOf(input, capacity),
    demand: demandAnswer(assessment),
    architecture: architectureOf(recommended, input, recommendedAssessment.binding),
    watch: watchFor(recommendedAssessment, recommended.bundle !== null, dau),
    notes: notesFor(input, assessment, capacity),
    sources: sourcesOf(input, about, capacity),
    about: {
      bundle: toBundle(about.bundle),
      isGiven: input.bundle !== undefined,
      images: about.images,
      title: about.title,
    },
    input,
  }
}

/** Stands in where a question needs a box before one is chosen; its figures are never reported. */
const ANY_BOX: BoxInput = { cores: 2, memoryGB: 2, mbps: 4, mbpsKind: 'fixed', trafficGB: null, diskGB: 40 }

/** The cheapest box that fits; if none does, the one that comes closest. */
function smallest(candidates: readonly LightDesign[], input: PlanInput): LightDesign {
  const asStated = candidates.filter(({ images }) => input.images === undefined || images === input.images)
  const found = asStated.find(({ assessment }) => fits(assessment)) ?? [...asStated].sort(byReach)[0]
  if (!found) throw new Error('the catalogue has no bundle on sale')
  return found
}

const byReach = (a: LightDesign, b: LightDesign) =>
  byVerdict(a, b) ||
  a.assessment.binding.utilisation - b.assessment.binding.utilisation ||
  a.monthlyCost.total - b.monthlyCost.total

const byVerdict = (a: LightDesign, b: LightDesign) =>
  a.assessment.verdict === b.assessment.verdict ? 0 : byWorth(a, b)

function recommend(
  about: LightDesign,
  candidates: readonly LightDesign[],
  bigger: readonly Design[],
  apart: Design | undefined,
  input: PlanInput,
): Design | LightDesign {
  if (fits(about.assessment)) return about
  const fitting = candidates.filter(({ assessment }) => fits(assessment))
  const sameBox = fitting.filter(({ bundle }) => input.bundle !== undefined && bundle === input.bundle)
  const cheapest = [...sameBox, ...fitting].sort((a, b) => a.monthlyCost.total - b.monthlyCost.total)[0]
  const choices = [cheapest, apart].filter((design) => design !== undefined)
  return (
    choices.sort((a, b) => a.monthlyCost.total - b.monthlyCost.total)[0] ??
    chooseBigger(bigger, about.assessment, input)
  )
}

/** One line per design that is not the recommended one; of light servers, the cheapest fitting two. */
function alternativesOf(
  recommended: Design,
  candidates: readonly LightDesign[],
  bigger: readonly Design[],
  apart: Design | undefined,
): Design[] {
  const light = candidates.filter((design) => fits(design.assessment) && !isSame(design, recommended)).slice(0, 2)
  const others = [...(apart ? [apart] : []), ...bigger].filter((design) => !isSame(design, recommended))
  return [...light, ...others]
}

const isSame = (a: Design, b: Design) =>
  a.design === b.design &&
  a.images === b.images &&
  a.bundle?.row?.id === b.bundle?.row?.id &&
  a.bundle?.mbps === b.bundle?.mbps

/** High: this box was measured and the load counted. Medium: one of the two. Low: defaults only. */
function confidenceOf(input: PlanInput, capacity: MeasuredCapacity | undefined): Confidence {
  const known = Number(hasOwnFigures(input)) + Number(capacity !== undefined)
  return known === 2 ? 'high' : known === 1 ? 'medium' : 'low'
}

function demandAnswer({ estimate: { p50, p90, demand, stackMemoryMB } }: Assessment): PlanResult['demand'] {
  return {
    requestsPerSecond: {
      mean: p50.meanRequestsPerSecond,
      peakP50: p50.peakRequestsPerSecond,
      peakP90: p90.peakRequestsPerSecond,
      planned: demand.peakRequestsPerSecond,
    },
    concurrentUsers: p50.concurrentUsers,
    megabitPerSecond: demand.megabitPerSecond,
    trafficGBPerMonth: demand.trafficGBPerMonth,
    connections: demand.connections,
    messagesPerSecond: demand.messagesPerSecond,
    writesPerSecond: demand.writesPerSecond,
    cpuCores: demand.cpuCores,
    memoryMB: stackMemoryMB,
    diskGBPerDay: demand.diskGBPerDay,
  }
}

function toAlternative({
  design,
  title,
  reason,
  bundle,
  images,
  verdict,
  monthlyCost,
  instances,
}: Design): Alternative {
  return { design, title, reason, bundle: bundle ? toBundle(bundle) : null, images, verdict, monthlyCost, instances }
}

function toBundle({ row, ...box }: BoxInput): BundleAnswer {
  if (!row) return box
  const { id, vendor, family, priceYuanPerMonth, asOf, source, confidence } = row
  return { id, vendor, family, ...box, priceYuanPerMonth, asOf, source, confidence }
}
