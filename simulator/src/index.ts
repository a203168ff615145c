export type { Call, CallLog } from './call-log.ts'
export type { Fault, Knobs } from './faults.ts'
export { QUOTAS, type QuotaName } from './quotas.ts'
export { openSimulator, type Simulator, type SimulatorOptions } from './simulator.ts'
