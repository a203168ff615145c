/** Where the bytes of files live. Names are ours, random, and never come from a client. */

export type StoredBlob = {
  readonly name: string
  readonly sizeBytes: number
  /** Hex. */
  readonly sha256: string
  /** The first bytes, to tell what the file really is. */
  readonly head: Buffer
}

export interface Storage {
  /**
   * Stores the stream under a fresh random name and resolves once the bytes are durable.
   * @throws {AppError} `file_too_large` beyond `limitBytes`; `storage_full`. Nothing is left behind.
   */
  put(content: NodeJS.ReadableStream, limitBytes: number): Promise<StoredBlob>
  /** @throws {AppError} `file_not_found` */
  open(name: string, range?: { start: number; end: number }): Promise<NodeJS.ReadableStream>
  /** Deleting what is not there is no error. */
  remove(name: string): Promise<void>
}
