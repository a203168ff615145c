/** Opens many logged-in realtime sockets to one server, as phones do: a ticket, an upgrade, a log-in. */
import type { BenchUser } from './bench-client.ts'
import { type HttpConnection, openHttpConnection } from './http-connection.ts'
import { openWebSocket, type WebSocketClient } from './websocket-client.ts'

export type OpenSocket = {
  send(msgType: string, msgData: unknown): void
  close(): void
  /** Told about each text; replace it when another phase begins. */
  onText: (buffer: Buffer, start: number, end: number) => void
}

export type OpenSockets = {
  readonly sockets: readonly OpenSocket[]
  readonly openPerSecond: number
  /** How often each reason was met. */
  readonly problems: Readonly<Record<string, number>>
  /** Connections that the server ended since. */
  lost(): number
}

type Plan = {
  readonly host: string
  readonly port: number
  readonly users: readonly BenchUser[]
  readonly connections: number
  readonly localAddress?: string | undefined
  /** Asked now and then; true ends the opening, such as at a cap of memory. */
  readonly isEnough?: () => boolean
}

const AT_ONCE = 32
const PATH = '/v1/realtime'
const OPEN_LIMIT_MS = 10_000
const ASK_EVERY = 250

export async function openSockets(plan: Plan): Promise<OpenSockets> {
  const sockets: OpenSocket[] = []
  const problems: Record<string, number> = {}
  const startMs = performance.now()
  let next = 0
  let lost = 0
  let isEnough = false

  const work = async () => {
    const tickets = openTickets(plan)
    while (next < plan.connections && !isEnough) {
      const index = next++
      if (index % ASK_EVERY === 0) isEnough = plan.isEnough?.() ?? false
      const user = plan.users[index % plan.users.length]
      try {
        const ticket = await tickets.get(user?.token ?? '')
        sockets.push(await openOne(plan, ticket, () => lost++))
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error)
        problems[reason] = (problems[reason] ?? 0) + 1
      }
    }
    tickets.close()
  }
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, plan.connections) }, work))
  const seconds = (performance.now() - startMs) / 1000
  return { sockets, openPerSecond: sockets.length / seconds, problems, lost: () => lost }
}

function openOne({ host, port, localAddress }: Plan, ticket: string, onLost: () => void): Promise<OpenSocket> {
  return new Promise((resolve, reject) => {
    let isReady = false
    let isOver = false
    const limit = setTimeout(() => fail('not open in time'), OPEN_LIMIT_MS)
    const fail = (reason: string) => {
      clearTimeout(limit)
      client.close()
      reject(new Error(reason))
    }
    const socket: OpenSocket = {
      send: (msgType, msgData) => client.send(JSON.stringify({ msgType, msgData })),
      close() {
        isOver = true
        client.close()
      },
      onText(buffer, start, end) {
        clearTimeout(limit)
        if (!buffer.toString('utf8', start, end).includes('LOGIN_RES')) return fail('the log-in was refused')
        isReady = true
        socket.onText = () => {}
        resolve(socket)
      },
    }
    const client: WebSocketClient = openWebSocket({
      ...{ host, port, localAddress, path: PATH },
      onOpen: () => client.send(JSON.stringify({ msgType: 'LOGIN', exMsgData: { signStr: ticket } })),
      onText: (buffer, start, end) => socket.onText(buffer, start, end),
      onClose: (reason) => {
        if (!isReady) fail(reason)
        else if (!isOver) onLost()
      },
    })
  })
}

/** Tickets over one keep-alive connection, one after another. */
function openTickets({ host, port }: Plan) {
  let connection: HttpConnection | undefined
  let settle = { resolve: (_ticket: string) => {}, reject: (_error: Error) => {} }
  const open = () =>
    openHttpConnection({
      host,
      port,
      onAnswer({ status, body, closes }) {
        if (closes) connection = undefined
        const ticket = /"ticket":"([^"]+)"/.exec(body)?.[1]
        if (ticket) settle.resolve(ticket)
        else settle.reject(new Error(`a ticket was refused with status ${status}`))
      },
      onClose(error) {
        connection = undefined
        settle.reject(error ?? new Error('connection closed'))
      },
    })
  return {
    get(token: string): Promise<string> {
      connection ??= open()
      const authorization = `authorization: Bearer ${token}\r\n`
      const head = `POST ${PATH}/ticket HTTP/1.1\r\nhost: ${host}:${port}\r\n${authorization}`
      return new Promise((resolve, reject) => {
        settle = { resolve, reject }
        connection?.send(`${head}content-type: application/json\r\ncontent-length: 2\r\n\r\n{}`, true)
      })
    },
    close: () => connection?.close(),
  }
}
