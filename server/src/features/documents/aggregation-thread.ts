/** The thread that computes aggregations: a bad one can use up this thread's time and memory, not the server's. */
import { parentPort } from 'node:worker_threads'
import { asAppError } from '../../errors.ts'
import type { AggregationMessage, AggregationReply } from './aggregation-pool.ts'
import type { JsonObject } from './document-request.ts'
import { runStages } from './run-stages.ts'

parentPort?.on('message', ({ batches, stages, nowMs }: AggregationMessage) => {
  parentPort?.postMessage(answer(batches, stages, nowMs))
})

function answer(
  batches: AggregationMessage['batches'],
  stages: AggregationMessage['stages'],
  nowMs: number,
): AggregationReply {
  try {
    const documents = batches.flatMap((batch): JsonObject[] => JSON.parse(batch))
    return { texts: runStages(documents, stages, nowMs).map((document) => JSON.stringify(document)) }
  } catch (error) {
    const { code, message, details } = asAppError(error)
    return { error: { code, message: code === 'internal' ? String(error) : message, ...(details && { details }) } }
  }
}
