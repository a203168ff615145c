/** The thread that computes aggregations: a bad one can use up this thread's time and memory, not the server's. */
import { parentPort } from 'node:worker_threads'
import { asAppError } from '../../errors.ts'
import type { AggregationReply, AggregationRequest } from './aggregation-pool.ts'
import { runStages } from './run-stages.ts'

parentPort?.on('message', ({ texts, stages, nowMs }: AggregationRequest) => {
  parentPort?.postMessage(answer(texts, stages, nowMs))
})

function answer(
  texts: AggregationRequest['texts'],
  stages: AggregationRequest['stages'],
  nowMs: number,
): AggregationReply {
  try {
    const documents = texts.map((text) => JSON.parse(text))
    return { texts: runStages(documents, stages, nowMs).map((document) => JSON.stringify(document)) }
  } catch (error) {
    const { code, message, details } = asAppError(error)
    return { error: { code, message: code === 'internal' ? String(error) : message, ...(details && { details }) } }
  }
}
