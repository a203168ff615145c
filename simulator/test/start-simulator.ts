import { openSimulator, type SimulatorOptions } from '../src/index.ts'

export const APP_ID = 'wx0123456789abcdef'
export const SECRET = '0123456789abcdef0123456789abcdef'

type Reply = { status: number; contentType: string; bytes: Buffer; json: Record<string, unknown> }

/** A simulator with a clock that the test moves, and short ways to call it. */
export async function startSimulator(options: Partial<SimulatorOptions> = {}) {
  let nowMs = Date.UTC(2026, 10, 22, 4, 0, 0)
  const simulator = await openSimulator({ appId: APP_ID, secret: SECRET, seed: 7, now: () => nowMs, ...options })

  const call = async (method: string, path: string, body?: unknown): Promise<Reply> => {
    const payload = body === undefined ? null : typeof body === 'string' ? body : JSON.stringify(body)
    const response = await fetch(simulator.url + path, { method, body: payload, signal: AbortSignal.timeout(5_000) })
    const bytes = Buffer.from(await response.arrayBuffer())
    const contentType = response.headers.get('content-type') ?? ''
    const json = contentType.includes('json') ? JSON.parse(bytes.toString()) : {}
    return { status: response.status, contentType, bytes, json }
  }

  const stableToken = async (force = false) => {
    const body = { grant_type: 'client_credential', appid: APP_ID, secret: SECRET, force_refresh: force }
    return (await call('POST', '/cgi-bin/stable_token', body)).json
  }

  const classicToken = async () =>
    (await call('GET', `/cgi-bin/token?grant_type=client_credential&appid=${APP_ID}&secret=${SECRET}`)).json

  return {
    simulator,
    call,
    stableToken,
    classicToken,
    nowMs: () => nowMs,
    advance: (ms: number) => {
      nowMs += ms
    },
    login: async (code: string) => {
      const query = `appid=${APP_ID}&secret=${SECRET}&js_code=${encodeURIComponent(code)}&grant_type=authorization_code`
      return (await call('GET', `/sns/jscode2session?${query}`)).json
    },
    /** Calls an API with a fresh token in the query string. */
    api: async (path: string, body?: unknown) => {
      const { access_token: token } = await stableToken()
      const joint = path.includes('?') ? '&' : '?'
      return (await call(body === undefined ? 'GET' : 'POST', `${path}${joint}access_token=${token}`, body)).json
    },
  }
}
