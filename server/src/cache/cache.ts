/** Short-lived values shared by all processes of one deployment. Losing the cache loses no data. */
export interface Cache {
  get(key: string): Promise<string | undefined>
  /** A non-positive `ttlSeconds` deletes the key. */
  set(key: string, value: string, ttlSeconds: number): Promise<void>
  /** Stores `value` only if the key is free; tells whether it did. Atomic across processes. */
  claim(key: string, value: string, ttlSeconds: number): Promise<boolean>
  /** How its server is; absent where there is none. */
  health?(): Promise<CacheHealth>
  close(): Promise<void>
}

export type CacheHealth = {
  /** Share of its memory limit in use; undefined without a limit. */
  readonly usedShare: number | undefined
  /** Entries that it threw away for lack of memory, since its start. */
  readonly evictions: number
}
