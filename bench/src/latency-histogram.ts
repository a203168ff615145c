/** Latencies in microseconds with three significant digits, mergeable across threads. */
import { build, decodeFromCompressedBase64, encodeIntoCompressedBase64, type Histogram } from 'hdr-histogram-js'

export type LatencySummary = {
  readonly p50Ms: number
  readonly p95Ms: number
  readonly p99Ms: number
  readonly p999Ms: number
  readonly minMs: number
  readonly maxMs: number
  readonly meanMs: number
}

const LONGEST_US = 120_000_000

export function openHistogram(): Histogram {
  return build({
    lowestDiscernibleValue: 1,
    highestTrackableValue: LONGEST_US,
    numberOfSignificantValueDigits: 3,
    bitBucketSize: 32,
  })
}

export const recordMs = (histogram: Histogram, latencyMs: number) =>
  histogram.recordValue(Math.min(Math.max(1, Math.round(latencyMs * 1000)), LONGEST_US))

export const packHistogram = (histogram: Histogram): string => encodeIntoCompressedBase64(histogram)

export function mergeHistograms(packed: readonly string[]): Histogram {
  const merged = openHistogram()
  for (const one of packed) merged.add(decodeFromCompressedBase64(one))
  return merged
}

export function summarise(histogram: Histogram): LatencySummary {
  const at = (percentile: number) => toMs(histogram.getValueAtPercentile(percentile))
  if (histogram.totalCount === 0) return { p50Ms: 0, p95Ms: 0, p99Ms: 0, p999Ms: 0, minMs: 0, maxMs: 0, meanMs: 0 }
  return {
    p50Ms: at(50),
    p95Ms: at(95),
    p99Ms: at(99),
    p999Ms: at(99.9),
    minMs: toMs(histogram.minNonZeroValue),
    maxMs: toMs(histogram.maxValue),
    meanMs: toMs(histogram.mean),
  }
}

const toMs = (valueUs: number) => Math.round(valueUs) / 1000
