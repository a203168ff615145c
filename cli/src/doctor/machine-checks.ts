/** The machine: Node, clock, memory, swap, disk, other panels. Linux tells most; elsewhere less is known. */
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, open, readdir, readFile, rm, stat, statfs } from 'node:fs/promises'
import path from 'node:path'
import { both, type Finding } from './finding.ts'

export type MachineFacts = {
  readonly nodeVersion: string
  readonly dataDir: string
  readonly functionWorkers: number
  readonly functionMemoryMb: number
  readonly procDir: string
  /** '' on a real machine; a test puts a folder in front. */
  readonly rootDir: string
  readonly nowMs: number
}

const NODE_MAJOR_NEEDED = 24
const KIB = 1024
const MIB = 1024 * 1024
const GIB = 1024 * MIB
const SMALL_MEMORY_BYTES = 4 * GIB
const SERVER_MB = 200
const SYSTEM_MB = 350
const DISK_WARN_SHARE = 0.8
const DISK_BAD_SHARE = 0.9
const FSYNC_TRIES = 15
const FSYNC_SLOW_MS = 10
const BACKUP_WARN_HOURS = 26
const BACKUP_BAD_HOURS = 50
const HOUR_MS = 3_600_000

/** Panels change nginx, firewall and cron behind the server's back. */
const PANELS: readonly (readonly [folder: string, name: string])[] = [
  ['/www/server/panel', '宝塔 (BT Panel)'],
  ['/opt/1panel', '1Panel'],
  ['/usr/local/hestia', 'Hestia'],
  ['/usr/local/CyberCP', 'CyberPanel'],
]

export async function checkMachine(facts: MachineFacts): Promise<Finding[]> {
  return [
    checkNode(facts.nodeVersion),
    ...(await checkMemory(facts)),
    await checkDisk(facts.dataDir),
    await checkFsync(facts.dataDir),
    await checkBackup(facts),
    ...checkPanels(facts.rootDir),
  ]
}

export function checkNode(version: string): Finding {
  const isRight = Number(version.split('.')[0]) >= NODE_MAJOR_NEEDED
  return {
    id: 'node',
    level: isRight ? 'good' : 'bad',
    title: both(`Node.js ${version}`, `Node.js ${version}`),
    ...(!isRight && { fix: 'npm ci   # brings Node.js 24 along; start with npx sampan' }),
  }
}

export async function checkMemory(facts: MachineFacts): Promise<Finding[]> {
  const meminfo = await readFile(path.join(facts.procDir, 'meminfo'), 'utf8').catch(() => '')
  const bytes = (name: string) => Number(meminfo.match(new RegExp(`^${name}: +(\\d+)`, 'm'))?.[1] ?? Number.NaN) * KIB
  const total = bytes('MemTotal')
  if (!Number.isFinite(total)) return []
  const neededMb = SYSTEM_MB + SERVER_MB + facts.functionWorkers * facts.functionMemoryMb
  const totalMb = Math.round(total / MIB)
  const fits = neededMb <= totalMb
  const split = `${SYSTEM_MB} + ${SERVER_MB} + ${facts.functionWorkers} × ${facts.functionMemoryMb} = ${neededMb} / ${totalMb} MB`
  const noSwap = bytes('SwapTotal') === 0 && total <= SMALL_MEMORY_BYTES
  return [
    {
      id: 'memory',
      level: fits ? 'good' : 'bad',
      title: both('Memory: system + server + functions', '内存分配：系统 + 服务 + 云函数'),
      detail: both(split, split),
      ...(!fits && {
        fix: `FUNCTION_WORKERS=${Math.max(1, Math.floor((totalMb - SYSTEM_MB - SERVER_MB) / facts.functionMemoryMb))}`,
      }),
    },
    {
      id: 'swap',
      level: noSwap ? 'warn' : 'good',
      title: noSwap ? both('No swap on a small machine', '小内存机器没有交换分区') : both('Swap', '交换分区'),
      ...(noSwap && {
        fix: 'fallocate -l 2G /swapfile && chmod 600 /swapfile && mkswap /swapfile && swapon /swapfile',
      }),
    },
  ]
}

export async function checkDisk(dataDir: string): Promise<Finding> {
  const disk = await statfs(existing(dataDir))
  const used = (disk.blocks - disk.bfree) / Math.max(1, disk.blocks - disk.bfree + disk.bavail)
  const free = `${Math.round((disk.bavail * disk.bsize) / GIB)} GB`
  const percent = Math.round(used * 100)
  return {
    id: 'disk',
    level: used > DISK_BAD_SHARE ? 'bad' : used > DISK_WARN_SHARE ? 'warn' : 'good',
    title: both(`Disk ${percent}% used, ${free} free`, `磁盘已用 ${percent}%，剩余 ${free}`),
    ...(used > DISK_WARN_SHARE && { fix: `du -xh --max-depth=2 / | sort -h | tail -20` }),
  }
}

/** How long the disk takes to keep a promise. Cheap cloud disks lie in benchmarks, not here. */
export async function checkFsync(dataDir: string): Promise<Finding> {
  const folder = existing(dataDir)
  const file = path.join(folder, `.sampan-doctor-${randomBytes(6).toString('hex')}`)
  try {
    await mkdir(folder, { recursive: true })
    const handle = await open(file, 'w')
    const times: number[] = []
    try {
      for (let turn = 0; turn < FSYNC_TRIES; turn += 1) {
        await handle.write(randomBytes(4096))
        const startedAtMs = performance.now()
        await handle.sync()
        times.push(performance.now() - startedAtMs)
      }
    } finally {
      await handle.close()
    }
    const median = times.toSorted((a, b) => a - b)[Math.floor(FSYNC_TRIES / 2)] ?? 0
    const shown = `${Math.round(median * 10) / 10} ms`
    return {
      id: 'fsync',
      level: median > FSYNC_SLOW_MS ? 'warn' : 'good',
      title: both(`One fsync takes ${shown}`, `单次 fsync 耗时 ${shown}`),
      ...(median > FSYNC_SLOW_MS && {
        detail: both(
          'Writes wait for it; group commit shares it among them.',
          '写入需等待；组提交会让多次写入共享一次。',
        ),
        fix: 'iostat -x 5 3   # who else writes? An SSD cloud disk answers within 2 ms',
      }),
    }
  } catch (error) {
    return {
      id: 'fsync',
      level: 'bad',
      title: both('The data folder cannot be written', '数据目录不可写'),
      detail: both(String(error), String(error)),
      fix: `chown -R $(whoami) ${dataDir}`,
    }
  } finally {
    await rm(file, { force: true })
  }
}

export async function checkBackup({ dataDir, rootDir, nowMs }: MachineFacts): Promise<Finding> {
  const places = [path.join(dataDir, 'backups'), path.join(rootDir, '/var/backups/sampan')]
  let newestMs = 0
  for (const place of places.filter(existsSync)) {
    for (const name of await readdir(place)) newestMs = Math.max(newestMs, (await stat(path.join(place, name))).mtimeMs)
  }
  const hours = Math.round((nowMs - newestMs) / HOUR_MS)
  if (newestMs === 0) {
    return {
      id: 'backup',
      level: 'warn',
      title: both('No backup found', '没有找到备份'),
      detail: both(places.join(', '), places.join('、')),
      fix: 'sampan backup',
    }
  }
  return {
    id: 'backup',
    level: hours > BACKUP_BAD_HOURS ? 'bad' : hours > BACKUP_WARN_HOURS ? 'warn' : 'good',
    title: both(`Newest backup is ${hours} h old`, `最近备份于 ${hours} 小时前`),
    ...(hours > BACKUP_WARN_HOURS && { fix: 'systemctl status sampan-backup.timer' }),
  }
}

export const checkPanels = (rootDir: string): Finding[] =>
  PANELS.filter(([folder]) => existsSync(path.join(rootDir, folder))).map(([folder, name]) => ({
    id: 'panel',
    level: 'warn',
    title: both(`${name} is on this machine`, `本机装有 ${name}`),
    detail: both('It may overwrite nginx and firewall settings.', '它可能覆盖 nginx 与防火墙设置。'),
    fix: `ls ${folder}`,
  }))

/** The folder itself, or its closest parent that exists. */
function existing(folder: string): string {
  const absolute = path.resolve(folder)
  return existsSync(absolute) ? absolute : existing(path.dirname(absolute))
}
