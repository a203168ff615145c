/** What the main thread and SQLite's threads say to each other. All of it survives a structured clone. */
import { getCompileCacheDir } from 'node:module'
import path from 'node:path'
import { Worker } from 'node:worker_threads'
import type { Row, SqlValue } from '../database.ts'
import type { ErrorMessage } from './sqlite-errors.ts'

export type ThreadSettings = { readonly file: string }

export type WriterRequest =
  /** Scripts for one commit. `newScripts` introduces numbers that `entries` use from now on. */
  | { kind: 'batch'; newScripts: readonly NewScript[]; entries: readonly BatchEntry[] }
  | { kind: 'define'; sql: string }
  | { kind: 'close' }

export type NewScript = { readonly id: number; readonly url: string; readonly name: string }
export type BatchEntry = { readonly scriptId: number; readonly args: unknown; readonly timeoutMs: number }

export type Outcome = { readonly value: unknown } | { readonly error: ErrorMessage }

export type WriterReply =
  | { kind: 'opened' }
  | { kind: 'not-opened'; error: ErrorMessage }
  | { kind: 'batch-done'; outcomes: readonly Outcome[]; commitMs: number }
  | { kind: 'defined'; outcome: Outcome }
  | { kind: 'closed' }

export type ReaderRequest = {
  readonly sql: string
  readonly params: readonly SqlValue[]
  readonly timeoutMs: number
}

export type ReaderReply =
  | { readonly kind: 'ready' }
  | { readonly kind: 'rows'; readonly rows: Row[] }
  | { readonly kind: 'failed'; readonly error: ErrorMessage }

/** Starts a thread from a module beside this one, whether it runs from .ts or from built .js. */
export function startThread(name: string, settings: ThreadSettings): Worker {
  const module = new URL(`./${name}${path.extname(import.meta.url)}`, import.meta.url)
  return new Worker(module, { env: threadEnvironment(), name: `sampan-${name}`, workerData: settings })
}

/**
 * Of the environment, a thread needs only the compile cache, if the process uses one: with it, Node does not load its
 * TypeScript compiler into each thread, which saves about 20 MB per thread.
 */
function threadEnvironment(): Record<string, string> {
  const versionFolder = getCompileCacheDir()
  return versionFolder ? { NODE_COMPILE_CACHE: path.dirname(versionFolder) } : {}
}
