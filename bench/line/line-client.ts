/** The phone's end: runs one load over TLS inside its namespace and prints the result as JSON. */
import type { LoadPlan } from '../src/load-plan.ts'
import { runLoad } from '../src/run-load.ts'

// safe: only main.ts of this folder starts this file
const plan = JSON.parse(process.argv[2] ?? '') as LoadPlan
process.stdout.write(JSON.stringify(await runLoad(plan)))
