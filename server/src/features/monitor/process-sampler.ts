/** This process: how late its event loop runs, its memory, its share of the CPU. */
import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { Sample } from './host-sampler.ts'

const LOOP_RESOLUTION_MS = 20
const NANOSECONDS_PER_MS = 1e6
const MICROSECONDS_PER_MS = 1e3

export function openProcessSampler() {
  const loop = monitorEventLoopDelay({ resolution: LOOP_RESOLUTION_MS })
  loop.enable()
  let cpuBefore = process.cpuUsage()
  let atMs = performance.now()

  return {
    sample(): Sample {
      const used = process.cpuUsage(cpuBefore)
      const nowMs = performance.now()
      const { rss, heapUsed } = process.memoryUsage()
      // The timer of the measurement itself is in every value: what is late is what exceeds it.
      const lateMs = (ns: number) => Math.max(0, ns / NANOSECONDS_PER_MS - LOOP_RESOLUTION_MS)
      const gauges = {
        'process.loopDelayMs': lateMs(loop.mean),
        'process.loopDelayP99Ms': lateMs(loop.percentile(99)),
        'process.rssBytes': rss,
        'process.heapBytes': heapUsed,
        'process.cpuCores': (used.user + used.system) / MICROSECONDS_PER_MS / Math.max(1, nowMs - atMs),
      }
      loop.reset()
      cpuBefore = process.cpuUsage()
      atMs = nowMs
      return { gauges, counters: {} }
    },
    close: () => void loop.disable(),
  }
}
