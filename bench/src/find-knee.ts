/** The largest rate that a server carries within a promise, found by bisection with open-loop probes. */

export type Probe = {
  readonly perSecond: number
  readonly p95Ms: number
  readonly p99Ms: number
  readonly errorRatio: number
  /** Busiest of: the whole box, and Node's event loop, which can use one core at most. NaN if it cannot be seen. */
  readonly utilisation: number
  /** True if the generator itself could not keep up: the probe says nothing about the server. */
  readonly isGeneratorLimited: boolean
}

export type Knee = {
  /** Largest rate with p95, errors and CPU inside the promise: what to plan with. */
  readonly plannedPerSecond: number
  /** Largest rate with p95 and errors inside the promise, CPU as full as it gets. */
  readonly saturatedPerSecond: number
  readonly probes: readonly Probe[]
}

export type KneeLimits = {
  readonly p95Ms: number
  readonly errorRatio: number
  readonly utilisation: number
}

/** 70 %: beyond it waiting grows faster than load (at 70 % of one server 3.3 times the service time, at 90 % 10 times). */
export const KNEE_LIMITS: KneeLimits = { p95Ms: 300, errorRatio: 0.001, utilisation: 0.7 }

const PROBES_EACH = 5

/**
 * @param highestPerSecond what the saturating load reached: no open loop can be carried far beyond it
 * @param probe runs the open loop at a rate
 */
export async function findKnee(
  highestPerSecond: number,
  probe: (perSecond: number) => Promise<Probe>,
  limits: KneeLimits = KNEE_LIMITS,
): Promise<Knee> {
  const probes: Probe[] = []
  const tried = async (perSecond: number) => {
    const result = await probe(perSecond)
    probes.push(result)
    return result
  }
  const isFast = ({ p95Ms, errorRatio }: Probe) => p95Ms <= limits.p95Ms && errorRatio < limits.errorRatio
  const isPlanned = (one: Probe) => isFast(one) && !(one.utilisation > limits.utilisation)

  const saturatedPerSecond = await bisect(highestPerSecond * 0.5, highestPerSecond * 1.05, isFast, tried)
  // What was learned about the fast ones already says much about the planned ones.
  const known = probes.filter(isPlanned).map(({ perSecond }) => perSecond)
  const low = Math.max(0, ...known)
  const plannedPerSecond =
    low === saturatedPerSecond ? low : await bisect(low || highestPerSecond * 0.3, saturatedPerSecond, isPlanned, tried)
  return { plannedPerSecond, saturatedPerSecond, probes: probes.toSorted((a, b) => a.perSecond - b.perSecond) }
}

async function bisect(
  from: number,
  to: number,
  isGood: (probe: Probe) => boolean,
  probe: (perSecond: number) => Promise<Probe>,
): Promise<number> {
  let good = 0
  let low = from
  let high = to
  for (let count = 0; count < PROBES_EACH && high > low * 1.03; count++) {
    const middle = Math.round((low + high) / 2)
    if (isGood(await probe(middle))) {
      good = middle
      low = middle
    } else {
      high = middle
      // Even the lower end may be too much.
      if (!good) low = 0
    }
  }
  return good
}
