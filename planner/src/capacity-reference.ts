/**
 * What a request costs. `bench` measures it on the user's own box and writes capacity.json in the shape below; until then
 * the shipped figures stand in. They are deliberately cautious: the reference stack was measured at 0.13 ms per request
 * on a quiet core without TLS, and a naive one with an ORM at 4 ms; a shared vCPU with TLS, functions and real
 * validation lies between, so 2 ms is planned with, and 1 to 4 ms is the range drawn from.
 */
import type { Range } from './app-types.ts'

export type RequestKind = 'login' | 'list' | 'detail' | 'write' | 'function' | 'nginx'

/** The file capacity.json. */
export type MeasuredCapacity = {
  /** ISO date of the measurement. */
  readonly asOf: string
  /** Such as "Tencent razor 2C4G" or the CPU's model; for people. */
  readonly machine: string
  readonly cores: number
  /** CPU time of all processes together, per request; `nginx` is added to each of the others. */
  readonly cpuMsPerRequest: { readonly [K in RequestKind]?: number }
  /** Largest arrival rate with p95 ≤ 300 ms, for the mix. */
  readonly kneeRequestsPerSecond?: number
  readonly kilobytesPerConnection?: number
  /** Time of one fsync of the database's disk. */
  readonly fsyncMs?: number
  /** Measured from outside; replaces the assumption about peak lines. */
  readonly lineMbps?: number
  readonly idleMemoryMB?: number
}

/** The mix of a typical mini program: the weights under which costs per kind become one figure. */
export const USUAL_MIX: { readonly [K in Exclude<RequestKind, 'nginx' | 'function'>]: number } = {
  login: 0.1,
  list: 0.4,
  detail: 0.3,
  write: 0.2,
}

/** Shipped figures. Ranges are drawn from; see the top of this file for where they come from. */
export const REFERENCE = {
  asOf: '2026-11',
  cpuMsPerRequest: { low: 1, usual: 2, high: 4 },
  /** When cloud functions answer half of the requests: a process boundary and the SDK's own call back. */
  cpuMsPerRequestWithFunctions: { low: 2, usual: 4, high: 8 },
  /** TLS and proxying of one small answer, when the measurement left nginx out. */
  nginxCpuMs: 0.2,
  /** Measured: 46 KB in nginx with TLS, 5 in Node, 15 in the kernel. */
  kilobytesPerConnection: 66,
  /** Cloud SSD: 1 to 3 ms is typical; nothing is published for light servers. */
  fsyncMs: 2,
  /** Group commit: writes that share one fsync when they come faster than the disk; measured far above, planned with this. */
  writesPerFsync: 4,
  /** TLS handshakes one core completes in a second; decides how fast everybody can reconnect. */
  handshakesPerCoreSecond: 700,
  /** A "200 Mbps peak" line: what is planned with until measured. A guess. */
  assuredPeakMbps: 30,
  /** CPU for one message received and one delivered, through nginx with TLS. */
  cpuMsPerMessage: 0.1,
  cpuMsPerDelivery: 0.03,
} as const

/** Within so long after a restart everybody should be connected again: longer, and people think it is broken. */
export const RECONNECT_SECONDS = 30

/** The measured mix as one cost with ±20 %, or undefined when the file has too little. */
export function measuredCpuMs({ cpuMsPerRequest: cost }: MeasuredCapacity, functionShare: number): Range | undefined {
  const { login, list, detail, write } = cost
  if (login === undefined || list === undefined || detail === undefined || write === undefined) return undefined
  const { login: a, list: b, detail: c, write: d } = USUAL_MIX
  const api = login * a + list * b + detail * c + write * d
  const usual =
    api * (1 - functionShare) + (cost.function ?? api * 2) * functionShare + (cost.nginx ?? REFERENCE.nginxCpuMs)
  return { low: usual * 0.8, usual, high: usual * 1.2 }
}
