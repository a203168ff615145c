/** What every file of a bundle is written from. Collected once, so that no two files disagree about a port or a path. */
import { processesFor } from '../architecture.ts'
import type { Box } from '../box-input.ts'
import type { DesignId } from '../designs.ts'
import type { PlanResult } from '../plan.ts'
import type { DatabaseChoice } from '../plan-input.ts'
import { type MemorySplit, splitMemory } from './memory-split.ts'

/** One file; `mode` as in chmod. */
export type BundleFile = { readonly path: string; readonly content: string; readonly mode: number }

export const file = (path: string, content: string, mode = 0o644): BundleFile => ({
  path,
  content: `${content.trim()}\n`,
  mode,
})

export type BundleOptions = {
  /** The filed domain that phones call, such as api.example.com. */
  readonly domain?: string
  /** The installed version decides how HTTP/2 is written; Debian 12 has 1.22. */
  readonly nginxVersion?: string
}

export type BundleFacts = {
  readonly design: DesignId
  readonly domain: string
  readonly nginxVersion: string
  readonly box: Box
  readonly database: DatabaseChoice
  readonly processes: number
  /** Processes share their state through Redis; a single one needs none. */
  readonly usesRedis: boolean
  readonly memory: MemorySplit
  readonly result: PlanResult
}

/** Where things lie on the server; scripts, units and nginx agree because they read it here. */
export const PATHS = {
  node: '/usr/local/bin/node',
  program: '/opt/sampan/app/cli/src/main.ts',
  project: '/opt/sampan/project',
  data: '/var/lib/sampan',
  environment: '/etc/sampan/sampan.env',
  tls: '/etc/sampan/tls',
  acme: '/var/www/acme',
} as const

export const FIRST_PORT = 3001
/** The second process, or the standby that answers during a restart. */
export const SECOND_PORT = 3002

export function bundleFacts(
  result: PlanResult,
  { domain = 'api.example.com', nginxVersion = '1.22' }: BundleOptions,
): BundleFacts {
  assertDomain(domain)
  const { design, bundle } = result.recommendation
  const box = bundle ?? result.about.bundle
  const { database } = result.input
  const processes = processesFor(box, database)
  const usesRedis = processes > 1
  const memory = splitMemory(box, database, processes)
  return { design, domain, nginxVersion, box, database, processes, usesRedis, memory, result }
}

/** The domain is written into files that programs parse: letters, digits, dots and hyphens only. */
function assertDomain(domain: string): void {
  if (/^(?=.{4,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,}$/i.test(domain)) return
  throw new RangeError(`"${domain}" is not a domain name such as api.example.com`)
}
