/**
 * Limits that clients can meet, in one place: the server enforces them, the SDK and the documentation name them.
 * CloudBase's own figures are kept where programs depend on them (reference: developers.weixin.qq.com, as of 2026-11).
 */
// biome-ignore format: a table keeps its columns
export const LIMITS = {
  /** Records of a client's `get()` without and with `limit()`: paging loops in mini programs are written around 20. */
  clientPage:               20,
  /** Records of a function's `get()` without `limit()`. */
  serverPage:               100,
  /** The most records that one answer carries, for functions and administrators. */
  serverPageMax:            1_000,
  /** Records of `aggregate().end()` without `limit()`. */
  aggregatePage:            20,
  /** The most records an aggregation may return. */
  aggregatePageMax:         10_000,
  /** One document, as stored JSON. */
  documentBytes:            512 * 1024,
  /** Nesting of objects and arrays inside one document, query or update. */
  documentDepth:            32,
  /** Keys of one document, all levels together. */
  documentKeys:             2_000,
  /** Elements of one array inside a document. */
  arrayElements:            10_000,
  /** Bytes of one field name. */
  fieldNameBytes:           1_024,
  /** Documents of one `add({ data: [...] })`. */
  batchDocuments:           1_000,
  /** Nodes of one parsed query: operators and compared fields. */
  queryNodes:               500,
  /** Values of one `in` / `nin`. */
  inValues:                 2_000,
  /** Characters of one regular expression. */
  regexCharacters:          512,
  /** Stages of one aggregation. */
  aggregateStages:          50,
  /** Characters of a collection name. */
  collectionNameCharacters: 64,
  /** Requests that a mini program may have in flight (wx.request + upload + download). */
  clientRequestsInFlight:   10,
  /** Files of one getTempFileURL or deleteFile call. */
  fileListLength:           50,
  /** Characters of a file's path as the program names it. */
  filePathCharacters:       768,
  /** Characters of an Idempotency-Key. */
  idempotencyKeyCharacters: 255,
} as const
