/** undici as WeChat's servers are called with: a limit on everything, and loaded by the first call, not by every start. */
import type { Agent, FormData, request } from 'undici'

type Undici = { readonly Agent: typeof Agent; readonly FormData: typeof FormData; readonly request: typeof request }
type RequestOptions = NonNullable<Parameters<typeof request>[1]>

export type HttpClient = {
  request(url: string, options: Omit<RequestOptions, 'dispatcher'>): ReturnType<typeof request>
  newForm(): Promise<FormData>
  close(): Promise<void>
}

export function openHttpClient(limits: { connections: number; maxResponseSize: number }): HttpClient {
  let opening: Promise<{ undici: Undici; agent: Agent }> | undefined
  const open = async () => {
    const undici: Undici = await import('undici')
    return { undici, agent: new undici.Agent(limits) }
  }
  const opened = () => {
    opening ??= open()
    return opening
  }
  return {
    async request(url, options) {
      const { undici, agent } = await opened()
      return undici.request(url, { ...options, dispatcher: agent })
    },
    async newForm() {
      const { undici } = await opened()
      return new undici.FormData()
    },
    close: async () => (await opening)?.agent.destroy(),
  }
}
