/** Who gets how much memory. Every configuration file reads its share here, so the sum is known to fit. */
import { memoryForStack, PART_MEMORY_MB } from '../box-capacity.ts'
import type { Box } from '../box-input.ts'
import type { DatabaseChoice } from '../plan-input.ts'

export type MemorySplit = {
  /** V8's heap per process. */
  readonly heapMB: number
  /** The unit's ceiling per process, function workers included. */
  readonly serverMaxMB: number
  /** InnoDB's pool or PostgreSQL's shared buffers. 0 with SQLite. */
  readonly databaseCacheMB: number
  readonly redisMB: number
  readonly swapMB: number
}

/** Memory a database process takes beside its cache. */
const DATABASE_BASE_MB = { sqlite: 0, mysql: 420, postgres: 180 } as const
/** Redis needs a third more than its data for fragmentation and buffers. */
const REDIS_OVERHEAD = 1.3

export function splitMemory(box: Box, database: DatabaseChoice, processes: number): MemorySplit {
  const { memoryGB } = box
  const available = memoryForStack(box) - PART_MEMORY_MB.nginx
  const redisMB = processes > 1 ? Math.min(512, Math.round(memoryGB * 64)) : 0
  const databaseCacheMB = database === 'sqlite' ? 0 : cacheFor(memoryGB)
  const others = redisMB * REDIS_OVERHEAD + databaseCacheMB + DATABASE_BASE_MB[database]
  const serverMaxMB = Math.floor((available - others) / processes)
  return {
    heapMB: Math.min(2048, Math.max(160, Math.floor(serverMaxMB * 0.5))),
    serverMaxMB,
    databaseCacheMB,
    redisMB,
    swapMB: memoryGB <= 4 ? 2048 : 4096,
  }
}

/** A quarter of the box, less on the smallest, where the server itself needs most of it. */
const cacheFor = (memoryGB: number): number => (memoryGB <= 1 ? 64 : memoryGB <= 2 ? 256 : Math.round(memoryGB * 256))

/** Everything that was given away; must not exceed `memoryForStack`. */
export function memoryGiven(
  { serverMaxMB, databaseCacheMB, redisMB }: MemorySplit,
  database: DatabaseChoice,
  processes: number,
): number {
  return (
    PART_MEMORY_MB.nginx +
    serverMaxMB * processes +
    databaseCacheMB +
    DATABASE_BASE_MB[database] +
    redisMB * REDIS_OVERHEAD
  )
}
