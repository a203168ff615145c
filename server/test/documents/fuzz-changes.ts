/** The other halves of the fuzz: aggregations without push-down, and updates applied to every matching document by hand. */
import assert from 'node:assert/strict'
import { applyUpdate } from '../../src/features/documents/apply-update.ts'
import { checkShape } from '../../src/features/documents/decode-document.ts'
import { decodeFilter } from '../../src/features/documents/decode-filter.ts'
import { decodePipeline } from '../../src/features/documents/decode-pipeline.ts'
import { decodeUpdate } from '../../src/features/documents/decode-update.ts'
import type { Documents, JsonObject } from '../../src/features/documents/document-request.ts'
import { compileFilter } from '../../src/features/documents/match-document.ts'
import { runStages } from '../../src/features/documents/run-stages.ts'
import { asFunction } from './document-fixtures.ts'

/** `stored` in order of insertion. */
export async function comparePipelines(
  documents: Documents,
  collection: string,
  stored: readonly JsonObject[],
  stages: JsonObject[],
) {
  const expected = runStages(stored, decodePipeline(stages, 0), 0).map((document) => JSON.stringify(document))
  const { documents: texts } = await documents.aggregate({ collection, stages }, asFunction)
  assert.deepEqual(texts, expected)
}

/** All matching documents change as they would one by one, or none does. Answers what is stored afterwards. */
export async function compareUpdates(
  documents: Documents,
  collection: string,
  stored: readonly JsonObject[],
  { query, update }: { query: JsonObject; update: JsonObject },
): Promise<readonly JsonObject[]> {
  const matches = compileFilter(decodeFilter(query, 0))
  const expected = attempt(() => {
    const changes = decodeUpdate(update, 0)
    return stored.map((document) => {
      if (!matches(document)) return document
      const next = applyUpdate(document, changes)
      checkShape(next)
      return next
    })
  })
  const answer = await documents.update({ collection, query, changes: update }, asFunction).catch(codeOf)
  if (typeof expected === 'string') assert.equal(answer, expected)
  else assert.deepEqual(answer, { updated: stored.filter(matches).length })
  const after = typeof expected === 'string' ? stored : expected
  const found = await documents.find({ collection, order: { _id: 1 }, limit: 1_000 }, asFunction)
  assert.deepEqual([...found.documents].sort(), after.map((document) => JSON.stringify(document)).sort())
  return after
}

function attempt<Result>(work: () => Result): Result | string {
  try {
    return work()
  } catch (error) {
    return codeOf(error)
  }
}

function codeOf(error: unknown): string {
  assert.ok(error instanceof Error && 'code' in error, String(error))
  return String(error.code)
}
