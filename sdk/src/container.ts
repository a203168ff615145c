import type { Answered } from './call-style.ts'
import type { Exchange } from './exchange.ts'
import type { Session } from './session.ts'
import type { Transport } from './transport.ts'
import type { RequestOptions, Weixin } from './weixin.ts'

export type CallContainerOptions = {
  path: string
  service?: string
  method?: string
  header?: Record<string, string>
  data?: unknown
  dataType?: string
  responseType?: string
  timeout?: number
  config?: unknown
}
export type CallContainerResult = Answered<{
  // biome-ignore lint/suspicious/noExplicitAny: the answer of the program's own route
  data: any
  statusCode: number
  header: Record<string, unknown>
  callID: string
}>
export type ConnectContainerOptions = {
  service?: string
  path?: string
  header?: Record<string, string>
  protocols?: string[]
}

type Needs = { wx: Weixin; exchange: Exchange; transport: Transport; session: Session; url: () => string }

/** `callContainer` and `connectContainer`: the program's own HTTP routes and sockets, on the same server. */
export function createContainer({ wx, exchange, transport, session, url }: Needs) {
  return {
    /** Like `wx.cloud`, answers whatever status the route sends; the program looks at `statusCode`. */
    async callContainer({ path, method = 'GET', header, service, config, ...rest }: CallContainerOptions) {
      const options = { ...rest, url: url() + path, method } as RequestOptions // WeChat refuses methods it does not know
      const reply = await transport.perform(method === 'GET' ? 'read' : 'call', (ours) =>
        exchange.request({ ...options, header: { ...header, ...ours } }),
      )
      return { data: reply.data, statusCode: reply.httpStatus, header: reply.header, callID: reply.requestId }
    },

    async connectContainer({ path = '/', header, protocols = [] }: ConnectContainerOptions) {
      const authorization = `Bearer ${await session.token()}`
      const address = url().replace('http', 'ws') + path
      return { socketTask: wx.connectSocket({ url: address, header: { ...header, authorization }, protocols }) }
    },
  }
}
