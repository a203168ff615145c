/** capacity.json: what the advisor, the console's gauge and the advice to grow read. Its shape is the planner's. */
import type { Measurement } from './measure.ts'

export type CapacityFile = {
  readonly asOf: string
  readonly machine: string
  readonly cores: number
  readonly cpuMsPerRequest: Readonly<Partial<Record<CapacityKind, number>>>
  readonly kneeRequestsPerSecond?: number
  readonly kilobytesPerConnection?: number
  readonly fsyncMs?: number
  readonly idleMemoryMB?: number
  /** From the server to a machine elsewhere: `sampan bench --net`. */
  readonly lineMbps?: number
}

type CapacityKind = 'login' | 'list' | 'detail' | 'write' | 'function' | 'nginx'

/** Which kind a step of a scenario stands for, by its name; others are not kept. */
const KIND_OF_STEP: Readonly<Record<string, CapacityKind>> = {
  login: 'login',
  list: 'list',
  detail: 'detail',
  submit: 'write',
  function: 'function',
}

/** Later measurements add to earlier ones: the functions' cost does not erase the mix's. */
export function toCapacityFile(measurement: Measurement, earlier: Partial<CapacityFile> = {}): CapacityFile {
  const { takenAt, machine, steps, knee, kbPerConnection, fsync, idleMemoryMb, scenario } = measurement
  const cpuMsPerRequest: Partial<Record<CapacityKind, number>> = { ...earlier.cpuMsPerRequest }
  let nginxMs = 0
  for (const { name, cpu } of steps) {
    const kind = KIND_OF_STEP[name]
    if (!kind || !cpu) continue
    const { nginx } = cpu.msPerRequestByPart
    cpuMsPerRequest[kind] = round(cpu.msPerRequest - nginx)
    nginxMs = Math.max(nginxMs, nginx)
  }
  if (nginxMs > 0) cpuMsPerRequest.nginx = round(nginxMs)
  return {
    ...earlier,
    asOf: takenAt.slice(0, 10),
    machine: `${machine.cpu}, ${machine.cores} cores, ${Math.round(machine.memoryMb / 1024)} GB`,
    cores: machine.cores,
    cpuMsPerRequest,
    ...(scenario.name === 'mix' && { kneeRequestsPerSecond: Math.floor(knee.plannedPerSecond) }),
    ...(kbPerConnection !== undefined && { kilobytesPerConnection: round(kbPerConnection) }),
    ...(fsync && { fsyncMs: round(fsync.p50Ms) }),
    ...(idleMemoryMb !== undefined && { idleMemoryMB: Math.round(idleMemoryMb) }),
  }
}

const round = (value: number) => Math.round(value * 1000) / 1000
