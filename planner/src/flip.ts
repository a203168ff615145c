/** The one parameter that would change the verdict, found by running the model again over each parameter's range. */
import { type Assessment, assess, type Question, rank, type Verdict } from './assessment.ts'
import { hasEvent } from './demand.ts'
import { featureOf } from './features.ts'
import { exactly, PARAMETER_NAMES, type ParameterName, parameterOf } from './parameters.ts'
import { formatNumber, type Text, text } from './text.ts'

export type Flip = {
  readonly parameter: ParameterName | 'images' | 'load' | 'requirement'
  /** The usual value. */
  readonly from: number | string
  /** The value at which the verdict changes. */
  readonly at: number | string
  readonly verdict: Verdict
  readonly text: Text
}

const STEPS = 10

export function findFlip(question: Question, current: Assessment, headroomFactor: number): Flip {
  if (current.verdict === 'not-a-fit') return requirementFlip(question, current)
  return imageFlip(question, current) ?? parameterFlip(question, current) ?? loadFlip(current, headroomFactor)
}

/** Capacity is not the question: the answer changes with the requirement. */
function requirementFlip(question: Question, { binding }: Assessment): Flip {
  const { zones: _, sites: __, ...overrides } = question.input.overrides
  const features = question.input.features.filter((id) => !featureOf(id).requirement)
  const { verdict } = assess({ ...question, input: { ...question.input, features, overrides } })
  return {
    parameter: 'requirement',
    from: binding.demand,
    at: binding.limit,
    verdict,
    text: text(
      `Without this requirement the answer for this box is "${VERDICT_WORDS[verdict].en}".`,
      `若去掉此项要求，这台机器的结论是“${VERDICT_WORDS[verdict].zh}”。`,
    ),
  }
}

/** Moving the images is the cheapest change there is, in either direction. */
function imageFlip(question: Question, current: Assessment): Flip | undefined {
  const to = current.images === 'server' ? 'cdn' : 'server'
  const changed = assess({ ...question, input: { ...question.input, images: to } })
  if (isSameAnswer(changed.verdict, current.verdict)) return undefined
  const utilisation = formatNumber(changed.binding.utilisation * 100)
  return {
    parameter: 'images',
    from: current.images,
    at: to,
    verdict: changed.verdict,
    text:
      to === 'server'
        ? text(
            `Images served by the server: ${changed.binding.name.en} goes to ${utilisation} %.`,
            `图片改由服务器发送：${changed.binding.name.zh}升至 ${utilisation}%。`,
          )
        : text(
            `Images moved to a CDN: ${changed.binding.name.en} drops to ${utilisation} %.`,
            `图片移到 CDN：${changed.binding.name.zh}降至 ${utilisation}%。`,
          ),
  }
}

/** Among the parameters whose range changes the answer, the one that needs the smallest change. */
function parameterFlip(question: Question, current: Assessment): Flip | undefined {
  const { connections, jobCores } = current.estimate.p90
  const has = { sockets: connections > 0, jobs: jobCores > 0, event: hasEvent(question.input), always: true }
  const relevant = PARAMETER_NAMES.filter((name) => has[parameterOf(name).only ?? 'always'])
  const candidates = relevant.flatMap((name) => {
    const found = flipOf(question, current, name)
    return found ? [found] : []
  })
  return candidates.sort((a, b) => a.distance - b.distance)[0]?.flip
}

function flipOf(
  question: Question,
  current: Assessment,
  name: ParameterName,
): { flip: Flip; distance: number } | undefined {
  const range = question.ranges[name]
  if (range.low === range.high) return undefined
  const input = { ...question.input, images: current.images } // where images go is its own question
  const verdictAt = (value: number) =>
    assess({ ...question, input, ranges: { ...question.ranges, [name]: exactly(value) } }).verdict
  const isCurrent = (value: number) => isSameAnswer(verdictAt(value), current.verdict)
  const { usual } = range

  for (const end of [range.high, range.low]) {
    if (isCurrent(end) === isCurrent(usual)) continue
    // One end of the segment gives the present answer, the other does not: close in on where it changes.
    let [same, far] = isCurrent(usual) ? [usual, end] : [end, usual]
    for (let step = 0; step < STEPS; step++) {
      const middle = Math.sqrt(same * far)
      if (isCurrent(middle)) same = middle
      else far = middle
    }
    const { name: label, unit } = parameterOf(name)
    const at = `${formatNumber(far)} ${unit}`.trim()
    const verdict = verdictAt(far)
    return {
      distance: Math.abs(Math.log(far / usual)),
      flip: {
        parameter: name,
        from: usual,
        at: far,
        verdict,
        text: text(
          `${label.en}: ${at} instead of ${formatNumber(usual)} changes the answer to "${VERDICT_WORDS[verdict].en}".`,
          `${label.zh}：由 ${formatNumber(usual)} 变为 ${at}，结论变为“${VERDICT_WORDS[verdict].zh}”。`,
        ),
      },
    }
  }
  return undefined
}

function loadFlip(current: Assessment, factor: number): Flip {
  const times = formatNumber(factor)
  const isOver = rank(current.verdict) >= rank('not-enough')
  return {
    parameter: 'load',
    from: 1,
    at: factor,
    verdict: isOver ? 'tight' : 'not-enough',
    text: isOver
      ? text(
          `Only a smaller load (× ${times}) or another box changes the answer.`,
          `只有负载降到 ${times} 倍或更换配置才会改变结论。`,
        )
      : text(
          `No uncertainty in the model changes the answer; ${times} × the load does.`,
          `模型内的不确定性都不改变结论；负载到 ${times} 倍时才会。`,
        ),
  }
}

/** "Enough" with and without conditions is one answer: people act the same way on both. */
const isSameAnswer = (a: Verdict, b: Verdict) =>
  Math.max(rank(a), rank('enough-if')) === Math.max(rank(b), rank('enough-if'))

export const VERDICT_WORDS: { readonly [K in Verdict]: Text } = {
  enough: text('enough', '够用'),
  'enough-if': text('enough, if', '够用，但有前提'),
  tight: text('tight', '临界'),
  'not-enough': text('not enough', '不够'),
  'not-a-fit': text('not a fit', '不该用轻量'),
}
