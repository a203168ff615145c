/** Idle connections with what each costs the server, then the fan-out of a room. Plain data, as `measure` returns. */
import { logInUsers } from './bench-client.ts'
import { type FanOut, measureFanOut } from './fan-out.ts'
import { openSockets } from './open-sockets.ts'
import { findListener, readProcess } from './process-clock.ts'

export type WebSocketFigures = {
  readonly connections: number
  readonly openPerSecond: number
  /** Of the server process, while they are idle. Undefined if its memory cannot be read. */
  readonly kbPerConnection: number | undefined
  readonly serverResidentMb: number | undefined
  /** Connections that the server ended by itself. */
  readonly lost: number
  readonly problems: Readonly<Record<string, number>>
  readonly fanOut: FanOut | undefined
}

export type WebSocketPlan = {
  readonly url: string
  readonly connections: number
  /** Of those, how many enter the room. 0: no fan-out. */
  readonly members: number
  readonly durationMs: number
  /** Opening ends when the server has grown to this. */
  readonly memoryCapMb: number
  readonly localAddress?: string
}

export type WebSocketStage = 'login' | 'open' | 'idle' | 'fanOut' | 'cleanUp'

type Watching = {
  readonly onStage: (stage: WebSocketStage) => void
  /** Resolves when the idle connections may go: other processes hold theirs at the same time. */
  readonly whileIdle?: (idle: Omit<WebSocketFigures, 'fanOut'>) => Promise<void>
}

/** The server allows each user five. */
const CONNECTIONS_PER_USER = 5
/** A room that every private server of the bench has; a server of one's own may have the rule, too. */
export const BENCH_ROOM = 'bench-room'
const SETTLE_MS = 2_000

/** @throws {LoginRefusedError | RoomRefusedError} */
export async function measureWebSocket(
  plan: WebSocketPlan,
  { onStage, whileIdle }: Watching,
): Promise<WebSocketFigures> {
  const { hostname: host, port: portText } = new URL(plan.url)
  const port = Number(portText || 80)
  const serverPid = findListener(port)
  const residentMb = () => serverPid && (readProcess(serverPid)?.residentKb ?? 0) / 1024

  onStage('login')
  const users = await logInUsers(plan.url, Math.ceil(plan.connections / CONNECTIONS_PER_USER), 'websocket')
  const { sockets: warm } = await openSockets({ host, port, users, connections: users.length, ...addressOf(plan) })
  for (const socket of warm) socket.close()
  await sleep(SETTLE_MS)

  onStage('open')
  const beforeMb = residentMb()
  const isEnough = () => (residentMb() ?? 0) > plan.memoryCapMb
  const opened = await openSockets({ host, port, users, connections: plan.connections, isEnough, ...addressOf(plan) })
  const { sockets } = opened
  try {
    onStage('idle')
    await sleep(SETTLE_MS)
    const afterMb = residentMb()
    const grownKb = beforeMb !== undefined && afterMb !== undefined ? (afterMb - beforeMb) * 1024 : undefined
    const idle = {
      connections: sockets.length,
      openPerSecond: opened.openPerSecond,
      kbPerConnection: grownKb === undefined ? undefined : grownKb / Math.max(1, sockets.length),
      serverResidentMb: afterMb,
      lost: opened.lost(),
      problems: opened.problems,
    }
    await whileIdle?.(idle)
    if (!plan.members) return { ...idle, lost: opened.lost(), fanOut: undefined }
    onStage('fanOut')
    const readServerSeconds = () => (serverPid === undefined ? undefined : readProcess(serverPid)?.cpuSeconds)
    const members = sockets.slice(0, plan.members)
    const fanOut = await measureFanOut(members, { room: BENCH_ROOM, durationMs: plan.durationMs, readServerSeconds })
    return { ...idle, lost: opened.lost(), fanOut }
  } finally {
    onStage('cleanUp')
    for (const socket of sockets) socket.close()
  }
}

const addressOf = ({ localAddress }: WebSocketPlan) => (localAddress === undefined ? {} : { localAddress })
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))
