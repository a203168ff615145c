/** Situations from practice, each worked out by hand in the comment beside it: verdict, what binds, how far it is used. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { assess } from '../src/assessment.ts'
import { parsePlanInput, type Resource, type Verdict } from '../src/index.ts'
import { rangesFor } from '../src/parameters.ts'

const TWO_M = { cores: 2, memoryGB: 2, mbps: 2, mbpsKind: 'fixed', trafficGB: 100 }
const FOUR_M = { cores: 2, memoryGB: 2, mbps: 4, mbpsKind: 'fixed', trafficGB: 300 }
const SIX_M = { cores: 2, memoryGB: 4, mbps: 6, mbpsKind: 'fixed', trafficGB: 800 }
const TEN_M = { cores: 4, memoryGB: 8, mbps: 10, mbpsKind: 'fixed', trafficGB: 1500 }
const RAZOR = { cores: 2, memoryGB: 4, mbps: 200, mbpsKind: 'peak', trafficGB: null }
const TINY = { cores: 1, memoryGB: 1, mbps: 3, mbpsKind: 'fixed', trafficGB: 200 }

/** `used`: what the arithmetic says of the binding resource; compared within 2 %. */
type Case = readonly [name: string, input: object, verdict: Verdict, binding: Resource, used?: number]

// biome-ignore format: a table keeps its columns
const CASES: readonly Case[] = [
  // Line: requests/s · KB · 8 / 1000, against 80 % of a fixed line, or 30 Mbps of a peak one.
  ['half a million requests a day of 8 KB', { requestsPerSecond: 23, meanRequestsPerSecond: 5.8, responseKB: 8, cpuMsPerRequest: 4, images: 'cdn', bundle: SIX_M }, 'enough', 'bandwidth', 1.472 / 4.8],
  ['the same with a 200 KB picture every fifth request', { requestsPerSecond: 23, meanRequestsPerSecond: 5.8, responseKB: 8, cpuMsPerRequest: 4, imageKBPerSecond: 920, bundle: SIX_M }, 'not-enough', 'bandwidth', (1.472 + 7.36) / 4.8],
  ['a thousand people tapping, 8 KB each, 6 Mbps', { requestsPerSecond: 167, responseKB: 8, cpuMsPerRequest: 4, bundle: SIX_M }, 'not-enough', 'bandwidth', 10.688 / 4.8],
  ['a thousand people tapping on a razor line', { requestsPerSecond: 167, responseKB: 8, cpuMsPerRequest: 4, bundle: RAZOR }, 'enough', 'bandwidth', 10.688 / 30],
  ['500 a second over 4 Mbps with answers of 1 KB', { requestsPerSecond: 500, meanRequestsPerSecond: 20, responseKB: 1, cpuMsPerRequest: 0.5, bundle: FOUR_M }, 'not-enough', 'bandwidth', 4 / 3.2],
  ['500 a second over 4 Mbps with answers of half a KB', { requestsPerSecond: 500, meanRequestsPerSecond: 20, responseKB: 0.5, cpuMsPerRequest: 0.5, bundle: FOUR_M }, 'enough-if', 'bandwidth', 2 / 3.2],
  ['two pictures of 300 KB a second on 6 Mbps', { requestsPerSecond: 10, responseKB: 4, imageKBPerSecond: 600, bundle: SIX_M }, 'not-enough', 'bandwidth', 5.12 / 4.8],
  ['the same pictures on a razor line', { requestsPerSecond: 10, responseKB: 4, imageKBPerSecond: 600, bundle: RAZOR }, 'enough', 'bandwidth', 5.12 / 30],
  ['ten pictures of 300 KB a second on a razor line', { requestsPerSecond: 10, responseKB: 4, imageKBPerSecond: 3000, images: 'server', bundle: RAZOR }, 'tight', 'bandwidth', 24.32 / 30],
  ['the same pictures on a CDN', { requestsPerSecond: 10, responseKB: 4, imageKBPerSecond: 3000, images: 'cdn', bundle: SIX_M }, 'enough', 'bandwidth', 0.32 / 4.8],
  ['a push that brings 500 a second to 6 Mbps', { burstRequestsPerSecond: 500, responseKB: 4, cpuMsPerRequest: 1, bundle: SIX_M }, 'not-enough', 'bandwidth', 16 / 4.8],
  ['the same push on a razor line', { burstRequestsPerSecond: 500, responseKB: 4, cpuMsPerRequest: 1, bundle: RAZOR }, 'enough-if', 'bandwidth', 16 / 30],
  ['a peak line is planned with 30 Mbps, not 200', { requestsPerSecond: 1000, responseKB: 5, cpuMsPerRequest: 0.5, bundle: RAZOR }, 'not-enough', 'bandwidth', 40 / 30],
  ['a fixed line of 100 Mbps is worth 80', { requestsPerSecond: 1000, responseKB: 5, cpuMsPerRequest: 0.5, bundle: { ...RAZOR, mbps: 100, mbpsKind: 'fixed' } }, 'enough', 'bandwidth', 40 / 80],

  // Traffic: mean requests/s · KB · 86,400 · 30 / 10^6.
  ['20 a second of 10 KB all day on 300 GB', { meanRequestsPerSecond: 20, requestsPerSecond: 30, responseKB: 10, cpuMsPerRequest: 1, bundle: FOUR_M }, 'not-enough', 'traffic', 518.4 / 300],
  ['5 a second of 8 KB all day on 100 GB', { meanRequestsPerSecond: 5, requestsPerSecond: 10, responseKB: 8, cpuMsPerRequest: 1, bundle: TWO_M }, 'not-enough', 'traffic', 103.68 / 100],
  ['the same without a quota', { meanRequestsPerSecond: 5, requestsPerSecond: 10, responseKB: 8, cpuMsPerRequest: 1, bundle: { ...TWO_M, trafficGB: null } }, 'enough', 'bandwidth', 0.64 / 1.6],
  ['a flat day of 3 a second of 8 KB on 100 GB', { meanRequestsPerSecond: 3, requestsPerSecond: 5, responseKB: 8, cpuMsPerRequest: 1, bundle: TWO_M }, 'enough-if', 'traffic', 62.208 / 100],

  // CPU: requests/s · ms / 1000 / cores.
  ['350 a second at 4 ms on two cores, the planning line', { requestsPerSecond: 350, responseKB: 2, cpuMsPerRequest: 4, bundle: RAZOR }, 'enough-if', 'cpu', 0.7],
  ['400 a second at 4 ms on two cores', { requestsPerSecond: 400, responseKB: 2, cpuMsPerRequest: 4, bundle: RAZOR }, 'tight', 'cpu', 0.8],
  ['600 a second at 4 ms on two cores', { requestsPerSecond: 600, responseKB: 2, cpuMsPerRequest: 4, bundle: RAZOR }, 'not-enough', 'cpu', 1.2],
  ['600 a second at 4 ms on eight cores', { requestsPerSecond: 600, responseKB: 2, cpuMsPerRequest: 4, bundle: { ...RAZOR, cores: 8, memoryGB: 16 } }, 'enough', 'bandwidth', 9.6 / 30],
  ['30 a second of 40 ms, a page rendered on the server', { requestsPerSecond: 30, responseKB: 2, cpuMsPerRequest: 40, bundle: SIX_M }, 'enough-if', 'cpu', 0.6],
  ['a PDF a second of half a CPU second beside it', { requestsPerSecond: 5, responseKB: 2, jobsPerSecond: 1, cpuSecondsPerJob: 0.5, cpuMsPerRequest: 2, bundle: TEN_M }, 'enough-if', 'cpu', 0.51 / 4],
  ['a video a minute', { jobsPerSecond: 1 / 60, cpuSecondsPerJob: 60, bundle: SIX_M }, 'enough-if', 'cpu', 0.5],
  ['two videos a minute', { jobsPerSecond: 2 / 60, cpuSecondsPerJob: 54, bundle: SIX_M }, 'tight', 'cpu', 0.9],
  ['three videos a minute', { jobsPerSecond: 3 / 60, cpuSecondsPerJob: 60, bundle: SIX_M }, 'not-enough', 'cpu', 1.5],
  ['inference of 3 s once a second', { jobsPerSecond: 1, cpuSecondsPerJob: 3, bundle: TEN_M }, 'tight', 'cpu', 0.75],

  // Memory: against 90 % of the bundle less 300 or 350 MB for the system.
  ['Elasticsearch, MySQL and Redis beside it on 2 GB', { memoryMB: 3000, requestsPerSecond: 5, bundle: FOUR_M }, 'not-enough', 'memory', 3000 / 1543.2],
  ['the same on 4 GB', { memoryMB: 3000, requestsPerSecond: 5, bundle: SIX_M }, 'tight', 'memory', 3000 / 3336.4],
  ['the same on 8 GB', { memoryMB: 3000, requestsPerSecond: 5, responseKB: 2, bundle: TEN_M }, 'enough', 'bandwidth', 0.08 / 8],
  ['MySQL on one gigabyte', { requestsPerSecond: 5, database: 'mysql', bundle: TINY }, 'not-enough', 'memory', 915 / 621.6],
  ['SQLite on one gigabyte', { requestsPerSecond: 5, meanRequestsPerSecond: 1, responseKB: 2, bundle: TINY }, 'enough', 'bandwidth', 0.08 / 2.4],
  ['test, staging and production with MySQL on 2 GB', { environments: 3, database: 'mysql', requestsPerSecond: 5, bundle: FOUR_M }, 'not-enough', 'memory', 2695 / 1543.2],

  // Connections: memory left at 66 KB each, and 29,400 on two cores to be back within 30 s.
  ['ten thousand quiet WebSockets on 2C4G', { connections: 10_000, messagesPerSecond: 100, bundle: RAZOR }, 'enough', 'connections', 10_000 / 29_400],
  ['twenty thousand', { connections: 20_000, messagesPerSecond: 100, bundle: RAZOR }, 'enough-if', 'connections', 20_000 / 29_400],
  ['fifty thousand', { connections: 50_000, messagesPerSecond: 100, bundle: RAZOR }, 'not-enough', 'connections', 50_000 / 29_400],
  ['five thousand on one gigabyte', { connections: 5000, messagesPerSecond: 50, bundle: TINY }, 'not-enough', 'connections', 5000 / (256.6 * 1024 / 66)],
  ['three hundred messages a second to fifty people each', { connections: 3000, messagesPerSecond: 300, fanOut: 50, bundle: SIX_M }, 'not-enough', 'bandwidth'],

  // Events: participants / seconds, one press each, a third on top for those who press again.
  ['a thousand buyers within a minute', { participants: 1000, windowSeconds: 60, bundle: SIX_M }, 'enough', 'bandwidth'],
  ['a thousand buyers within a second', { participants: 1000, windowSeconds: 1, bundle: RAZOR }, 'not-enough', 'cpu'],
  ['three thousand within ten seconds', { participants: 3000, windowSeconds: 10, bundle: RAZOR }, 'enough', 'cpu'],
  ['ten thousand within ten seconds on 6 Mbps', { participants: 10_000, windowSeconds: 10, bundle: SIX_M }, 'not-enough', 'bandwidth'],
  ['a school of eight thousand picks courses within a minute', { type: 'education', participants: 8000, windowSeconds: 60, bundle: RAZOR }, 'enough', 'cpu'],
  ['twenty thousand viewers answer within five seconds', { type: 'event', participants: 20_000, windowSeconds: 5, bundle: TEN_M }, 'not-enough', 'bandwidth'],

  // Writes: 1000 / 2 ms · 4 that share a commit = 2,000 a second.
  ['1,500 orders a second', { writesPerSecond: 1500, requestsPerSecond: 1500, responseKB: 0.5, cpuMsPerRequest: 0.2, bundle: { ...RAZOR, cores: 4 } }, 'tight', 'writes', 0.75],
  ['5,000 orders a second', { writesPerSecond: 5000, requestsPerSecond: 5000, responseKB: 0.2, cpuMsPerRequest: 0.2, bundle: { ...RAZOR, cores: 4 } }, 'not-enough', 'writes', 2.5],

  // Not a matter of speed.
  ['two zones for a hundred users', { type: 'shop', dau: 100, features: ['two-zones'], bundle: SIX_M }, 'not-a-fit', 'requirement'],
  ['zones as a number', { type: 'tool', dau: 100, zones: 2 }, 'not-a-fit', 'requirement'],
  ['MLPS level 3', { type: 'crm', dau: 100, features: ['compliance'], bundle: SIX_M }, 'not-a-fit', 'requirement'],
  ['live video through the box', { type: 'education', dau: 50, features: ['live-streaming'], bundle: RAZOR }, 'not-a-fit', 'requirement'],
  ['nobody to look after it', { type: 'tool', dau: 50, features: ['no-operator'], bundle: SIX_M }, 'not-a-fit', 'requirement'],

  // Types of app by their habits, p90.
  ['a tool with 20,000 users', { type: 'tool', dau: 20_000, images: 'cdn', bundle: SIX_M }, 'enough', 'bandwidth'],
  ['a showcase with 5,000 users that sends its pictures itself', { type: 'showcase', dau: 5000, images: 'server', bundle: SIX_M }, 'tight', 'bandwidth'],
  ['a booking form with 1,000 users', { type: 'booking', dau: 1000, images: 'server', bundle: SIX_M }, 'enough', 'bandwidth'],
  ['a news app with 5,000 users that sends its covers itself', { type: 'content', dau: 5000, images: 'server', bundle: SIX_M }, 'not-enough', 'bandwidth'],
  ['a shop with 20,000 users on a razor line, images on a CDN', { type: 'shop', dau: 20_000, images: 'cdn', bundle: RAZOR }, 'enough', 'bandwidth'],
  ['a community with 5,000 users that sends its pictures itself', { type: 'community', dau: 5000, images: 'server', bundle: RAZOR }, 'not-enough', 'bandwidth'],
  ['office software with 1,000 users', { type: 'saas', dau: 1000, images: 'server', bundle: SIX_M }, 'enough', 'bandwidth'],
  ['customer management with 5,000 users on a razor line', { type: 'crm', dau: 5000, images: 'server', bundle: RAZOR }, 'enough', 'bandwidth'],
  ['a school with 10,000 pupils, 30 at once, on 3 Mbps', { type: 'education', dau: 10_000, peakOnline: 30, images: 'cdn', bundle: { ...SIX_M, mbps: 3, trafficGB: null } }, 'enough', 'bandwidth'],
  ['a chat with 1,000 users', { type: 'realtime', dau: 1000, bundle: SIX_M }, 'enough', 'bandwidth'],
  ['a shop that transcodes 1 % of its visits', { type: 'shop', dau: 20_000, images: 'cdn', features: ['transcode'], bundle: RAZOR }, 'not-enough', 'cpu'],
]

/** The verdict about the named box alone; prices, designs and the flip take plan() a hundred times as long. */
function judge(value: object) {
  const input = parsePlanInput({ bundle: SIX_M, ...value })
  const { bundle } = input
  assert.ok(bundle)
  return assess({ input, box: bundle, ranges: rangesFor(input, undefined), measured: undefined })
}

describe('cases from practice', () => {
  for (const [name, input, verdict, resource, used] of CASES) {
    it(`${name}: ${verdict}, ${resource}`, () => {
      const answer = judge(input)
      const said = answer.constraints.map((one) => `${one.resource} ${one.utilisation.toFixed(3)}`).join(', ')
      assert.equal(answer.verdict, verdict, said)
      assert.equal(answer.binding.resource, resource, said)
      if (used !== undefined) assert.ok(Math.abs(answer.binding.utilisation / used - 1) < 0.02, `${used}; ${said}`)
      assert.ok(
        Math.abs(answer.binding.demand / answer.binding.limit / answer.binding.utilisation - 1) < 1e-9 ||
          resource === 'requirement',
      )
    })
  }
})
