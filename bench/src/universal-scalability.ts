/**
 * The universal scalability law, X(N) = γN / (1 + α(N−1) + βN(N−1)): what N concurrent clients get, where α is work
 * that must queue and β is work that grows with everybody else's (Gunther, "Guerrilla Capacity Planning", 2007).
 *
 * N/X is linear in (N−1) and N(N−1), so least squares fit it. A fit is only reported if it explains the points.
 */
export type ScalingPoint = { readonly clients: number; readonly perSecond: number }

export type ScalingFit =
  | {
      readonly isFitted: true
      readonly gamma: number
      readonly alpha: number
      readonly beta: number
      readonly rSquared: number
      /** Clients beyond which more clients get less; undefined if β cannot be told from 0 here. */
      readonly bestClients: number | undefined
      readonly points: readonly ScalingPoint[]
    }
  | { readonly isFitted: false; readonly reason: string; readonly points: readonly ScalingPoint[] }

const FEWEST_POINTS = 5
const LOWEST_R_SQUARED = 0.9
/** Below this the optimum lies far outside the measured range, so that it would be a guess. */
const SMALLEST_BETA = 1e-7

export function fitScaling(points: readonly ScalingPoint[]): ScalingFit {
  const usable = points.filter(({ perSecond }) => perSecond > 0)
  const refuse = (reason: string): ScalingFit => ({ isFitted: false, reason, points })
  if (usable.length < FEWEST_POINTS) return refuse(`only ${usable.length} points, ${FEWEST_POINTS} are needed`)

  const withBeta = solve(usable, true)
  // Negative contention or coherence is noise: the law has no such thing.
  const solution = withBeta && withBeta.beta >= 0 && withBeta.alpha >= 0 ? withBeta : solve(usable, false)
  if (!solution || solution.alpha < 0 || solution.gamma <= 0) return refuse('the points do not follow the law')

  const { gamma, alpha, beta } = solution
  const rSquared = explained(usable, (n) => (gamma * n) / (1 + alpha * (n - 1) + beta * n * (n - 1)))
  if (rSquared < LOWEST_R_SQUARED) return refuse(`R² is ${rSquared.toFixed(2)}, below ${LOWEST_R_SQUARED}`)
  const bestClients = beta > SMALLEST_BETA && alpha < 1 ? Math.sqrt((1 - alpha) / beta) : undefined
  const largest = Math.max(...usable.map(({ clients }) => clients))
  const isInside = bestClients !== undefined && bestClients <= largest * 2
  return { isFitted: true, gamma, alpha, beta, rSquared, bestClients: isInside ? bestClients : undefined, points }
}

/**
 * Least squares of N/X = a + b(N−1) + cN(N−1), each point weighted by X²/N² so that the error counts relative to it:
 * otherwise the slowest point alone would decide.
 */
function solve(points: readonly ScalingPoint[], hasBeta: boolean) {
  const size = hasBeta ? 3 : 2
  const matrix = Array.from({ length: size }, () => new Array<number>(size + 1).fill(0))
  for (const { clients: n, perSecond } of points) {
    const weight = (perSecond / n) ** 2
    const row = [1, n - 1, n * (n - 1)].slice(0, size)
    for (const [i, cells] of matrix.entries()) {
      for (let j = 0; j < size; j++) cells[j] = (cells[j] ?? 0) + weight * (row[i] ?? 0) * (row[j] ?? 0)
      cells[size] = (cells[size] ?? 0) + weight * (row[i] ?? 0) * (n / perSecond)
    }
  }
  const [a, b, c = 0] = eliminate(matrix)
  if (!a || b === undefined) return undefined
  return { gamma: 1 / a, alpha: b / a, beta: c / a }
}

/** Gauss–Jordan on a small augmented matrix; NaN where it is singular. */
function eliminate(matrix: number[][]): number[] {
  for (const [pivot, pivotRow] of matrix.entries()) {
    const divisor = pivotRow[pivot] ?? 0
    for (let column = 0; column < pivotRow.length; column++) pivotRow[column] = (pivotRow[column] ?? 0) / divisor
    for (const [index, row] of matrix.entries()) {
      if (index === pivot) continue
      const factor = row[pivot] ?? 0
      for (let column = 0; column < row.length; column++) {
        row[column] = (row[column] ?? 0) - factor * (pivotRow[column] ?? 0)
      }
    }
  }
  return matrix.map((row) => row.at(-1) ?? Number.NaN)
}

function explained(points: readonly ScalingPoint[], predict: (clients: number) => number): number {
  const mean = points.reduce((sum, { perSecond }) => sum + perSecond, 0) / points.length
  const residual = points.reduce((sum, { clients, perSecond }) => sum + (perSecond - predict(clients)) ** 2, 0)
  const total = points.reduce((sum, { perSecond }) => sum + (perSecond - mean) ** 2, 0)
  return total ? 1 - residual / total : 0
}
