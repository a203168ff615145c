/** Ten thousand buyers at once, over kept connections. Each asks three times with one key, as a nervous phone does. */
import http from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Database, transactionScript } from '../../src/database/database.ts'
import { hashToken } from '../../src/features/sessions/log-in.ts'

export type Answer = { readonly status: number; readonly code: string; readonly id: string; readonly ms: number }

export type BuyerStory = { readonly openId: string; readonly answers: readonly Answer[] }

const TRIES = 3
const POOL = 500
const RETRY_MS = 30
/** A server that was killed is back long before. */
const PATIENCE_MS = 60_000

export const openIdOf = (at: number) => `buyer-${at}`
const tokenOf = (at: number) => `token-of-buyer-${at}`

/** Logs everybody in without ten thousand log-ins. */
export async function addBuyers(database: Database, count: number): Promise<void> {
  for (let from = 0; from < count; from += 500)
    await database.transact(addSessions, { from, to: Math.min(from + 500, count) })
}

export const addSessions = transactionScript(
  import.meta.url,
  'addSessions',
  function* ({ from, to }: { from: number; to: number }) {
    for (let at = from; at < to; at += 1) {
      yield {
        sql: `INSERT INTO sessions (token_hash, open_id, app_id, session_key, created_at_ms, expires_at_ms, last_seen_at_ms)
              VALUES (?, ?, 'wx', '', 1, ?, 1)`,
        params: [hashToken(tokenOf(at)), openIdOf(at), Date.now() + 86_400_000],
      }
    }
  },
)

/** What everybody was told. The server may be killed meanwhile, and come back at the same port. */
export async function sendCrowd(port: number, sale: string, count: number): Promise<BuyerStory[]> {
  const agent = new http.Agent({ keepAlive: true, maxSockets: POOL })
  const buy = async (at: number): Promise<BuyerStory> => {
    const answers: Answer[] = []
    while (answers.length < TRIES) answers.push(await askPatiently(agent, port, sale, at))
    return { openId: openIdOf(at), answers }
  }
  const stories: BuyerStory[] = []
  const waiting = Array.from({ length: count }, (_, at) => at)
  const lane = async () => {
    for (let at = waiting.shift(); at !== undefined; at = waiting.shift()) stories.push(await buy(at))
  }
  await Promise.all(Array.from({ length: POOL }, lane))
  agent.destroy()
  return stories
}

/** Until there is an answer that means something: a cut connection or a server that is busy means nothing. */
async function askPatiently(agent: http.Agent, port: number, sale: string, at: number): Promise<Answer> {
  const giveUpMs = performance.now() + PATIENCE_MS
  for (;;) {
    const answer = await ask(agent, port, sale, at).catch(() => undefined)
    if (answer && answer.status < 500 && answer.code !== 'rate_limited') return answer
    if (performance.now() > giveUpMs) throw new Error(`buyer ${at} was never answered: ${JSON.stringify(answer)}`)
    await sleep(RETRY_MS)
  }
}

function ask(agent: http.Agent, port: number, sale: string, at: number): Promise<Answer> {
  const startedMs = performance.now()
  const headers = {
    'content-type': 'application/json',
    authorization: `Bearer ${tokenOf(at)}`,
    'idempotency-key': `key-of-buyer-${at}`,
  }
  return new Promise((resolve, reject) => {
    const options = { agent, host: '127.0.0.1', port, path: `/v1/stock/${sale}/reserve`, method: 'POST', headers }
    const request = http.request(options, (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => {
        text += chunk
      })
      response.on('error', reject)
      response.on('end', () => {
        const body = JSON.parse(text)
        const status = response.statusCode ?? 0
        resolve({ status, code: body.error?.code ?? '', id: body.id ?? '', ms: performance.now() - startedMs })
      })
    })
    request.on('error', reject)
    request.end('{"item":"phone"}')
  })
}
