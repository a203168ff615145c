/** A thread of the generator: receives its plan at the start, posts its tally at the end. */
import { parentPort, workerData } from 'node:worker_threads'
import { generateLoad } from './generate-load.ts'
import type { LoadPlan } from './load-plan.ts'

// safe: only run-load.ts starts this file
const { plan, name, seed } = workerData as { plan: LoadPlan; name: string; seed: number }

parentPort?.postMessage(await generateLoad(plan, name, seed))
