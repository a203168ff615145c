/**
 * The machine, as the Linux kernel counts it in /proc: no program is started, one sample reads seven small files.
 * Elsewhere (a developer's Mac or Windows) only what Node itself knows is reported.
 */
import { readFile, statfs } from 'node:fs/promises'
import os from 'node:os'

export type Sample = {
  readonly gauges: Readonly<Record<string, number>>
  /** Counted since the sample before. */
  readonly counters: Readonly<Record<string, number>>
}

type CpuTimes = { busy: number; total: number; steal: number; ioWait: number }
type Totals = { cpu: CpuTimes; counters: Record<string, number> }

const SECTOR_BYTES = 512
const PAGE_BYTES = 4096
const KIB = 1024
/** Whole disks: sda, vda, xvda, nvme0n1; partitions would be counted twice. */
const WHOLE_DISK = /^(?:[shv]d[a-z]+|xvd[a-z]+|nvme\d+n\d+|mmcblk\d+)$/
/** Traffic on these never leaves the machine, or is counted again on the real card. */
const INNER_NETWORK = /^(?:lo|docker|veth|br-|virbr|cni|flannel|cali|tun|tap)/

export function createHostSampler({ dataDir, procDir = '/proc' }: { dataDir: string; procDir?: string }) {
  let before: Totals | undefined

  return async function sampleHost(): Promise<Sample> {
    const read = (name: string) => readFile(`${procDir}/${name}`, 'utf8').catch(() => '')
    const [stat, memory, disks, network, vmstat, pressure, disk] = await Promise.all([
      read('stat'),
      read('meminfo'),
      read('diskstats'),
      read('net/dev'),
      read('vmstat'),
      read('pressure/cpu'),
      statfs(dataDir).catch(() => undefined),
    ])
    const totals: Totals = {
      cpu: parseCpu(stat),
      counters: { ...parseDisks(disks), ...parseNetwork(network), ...parseSwapping(vmstat) },
    }
    const since = before
    before = totals
    const diskGauges = disk && {
      'host.diskFreeBytes': disk.bavail * disk.bsize,
      // As df counts it: what root keeps back is neither used nor free.
      'host.diskUsed': (disk.blocks - disk.bfree) / Math.max(1, disk.blocks - disk.bfree + disk.bavail),
      ...(disk.files > 0 && { 'host.inodesUsed': 1 - disk.ffree / disk.files }),
    }
    return {
      gauges: {
        ...(since && cpuShares(since.cpu, totals.cpu)),
        ...parseMemory(memory),
        ...parsePressure(pressure),
        ...diskGauges,
        'host.load1': os.loadavg()[0] ?? 0,
      },
      counters: since ? differences(since.counters, totals.counters) : {},
    }
  }
}

function parseCpu(stat: string): CpuTimes {
  const fields =
    stat
      .match(/^cpu +(.+)$/m)?.[1]
      ?.split(' ')
      .map(Number) ?? []
  const [user = 0, nice = 0, system = 0, idle = 0, ioWait = 0, irq = 0, softIrq = 0, steal = 0] = fields
  const busy = user + nice + system + irq + softIrq + steal
  return { busy, total: busy + idle + ioWait, steal, ioWait }
}

function cpuShares(before: CpuTimes, now: CpuTimes): Record<string, number> {
  const total = now.total - before.total
  if (total <= 0) return {}
  return {
    'host.cpu': (now.busy - before.busy) / total,
    'host.cpuSteal': (now.steal - before.steal) / total,
    'host.cpuIoWait': (now.ioWait - before.ioWait) / total,
  }
}

function parseMemory(meminfo: string): Record<string, number> {
  const kib = (name: string) => Number(meminfo.match(new RegExp(`^${name}: +(\\d+)`, 'm'))?.[1] ?? Number.NaN)
  const total = kib('MemTotal') * KIB || os.totalmem()
  const available = kib('MemAvailable') * KIB || os.freemem()
  const swap = kib('SwapTotal') * KIB
  return {
    'host.memoryTotalBytes': total,
    'host.memoryAvailable': available / total,
    ...(swap > 0 && { 'host.swapUsed': 1 - (kib('SwapFree') * KIB) / swap }),
  }
}

function parseDisks(diskstats: string): Record<string, number> {
  const totals = { 'host.diskReadBytes': 0, 'host.diskWriteBytes': 0 }
  for (const line of diskstats.split('\n')) {
    const [, , name = '', , , sectorsRead, , , , sectorsWritten] = line.trim().split(/ +/)
    if (!WHOLE_DISK.test(name)) continue
    totals['host.diskReadBytes'] += Number(sectorsRead) * SECTOR_BYTES
    totals['host.diskWriteBytes'] += Number(sectorsWritten) * SECTOR_BYTES
  }
  return totals
}

function parseNetwork(netDev: string): Record<string, number> {
  const totals = { 'host.networkInBytes': 0, 'host.networkOutBytes': 0 }
  for (const line of netDev.split('\n').slice(2)) {
    const [name = '', rest = ''] = line.split(':')
    if (!rest || INNER_NETWORK.test(name.trim())) continue
    const fields = rest.trim().split(/ +/)
    totals['host.networkInBytes'] += Number(fields[0])
    totals['host.networkOutBytes'] += Number(fields[8])
  }
  return totals
}

const parseSwapping = (vmstat: string) => ({
  'host.swapInBytes': Number(vmstat.match(/^pswpin (\d+)/m)?.[1] ?? 0) * PAGE_BYTES,
  'host.outOfMemoryKills': Number(vmstat.match(/^oom_kill (\d+)/m)?.[1] ?? 0),
})

/** Share of the last minute in which something waited for a CPU; kernels from 4.20 on tell it. */
function parsePressure(pressure: string): Record<string, number> {
  const percent = pressure.match(/^some .*avg60=([\d.]+)/m)?.[1]
  return percent === undefined ? {} : { 'host.cpuPressure': Number(percent) / 100 }
}

/** A counter that went backwards was reset (a card or disk was replaced): nothing is known about that stretch. */
export function differences(before: Readonly<Record<string, number>>, now: Readonly<Record<string, number>>) {
  const result: Record<string, number> = {}
  for (const [name, value] of Object.entries(now)) {
    const old = before[name]
    if (old !== undefined && value >= old) result[name] = value - old
  }
  return result
}
