/** Servers that behave like the vendors' robots: HTTP 200 whatever happens, the truth in the body. */
import { createHmac } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'
import type { ChannelKind } from '../../src/features/monitor/alarm-channels.ts'

type Received = { url: URL; body: Record<string, unknown>; text: string }
type Refusal = Record<string, unknown> | 'down' | undefined

const SECRET = 'SECtest'
const MINUTE_MS = 60_000
const HOUR_MS = 3_600_000
const PER_MINUTE = 20

export async function startRobot(t: TestContext, kind: ChannelKind, now: () => number) {
  const received: Received[] = []
  const times: number[] = []
  let refusal: Refusal

  const server = createServer(async (request, response) => {
    let raw = ''
    for await (const chunk of request) raw += String(chunk)
    const url = new URL(request.url ?? '', 'http://robot')
    const body = JSON.parse(raw || '{}') as Record<string, unknown>
    if (refusal === 'down') {
      request.socket.destroy()
      return
    }
    const answer = refusal ?? judge(kind, { url, body, nowMs: now(), times })
    if (isAccepted(answer)) received.push({ url, body, text: textOf(kind, body) })
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify(answer))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close())
  const { port } = server.address() as AddressInfo
  return {
    channel: { id: kind, kind, url: `http://127.0.0.1:${port}/robot?access_token=x`, secret: SECRET },
    received,
    refuse(answer: Refusal) {
      refusal = answer
    },
  }
}

type Call = { url: URL; body: Record<string, unknown>; nowMs: number; times: number[] }

function judge(kind: ChannelKind, call: Call): Record<string, unknown> {
  const recent = call.times.filter((at) => at > call.nowMs - MINUTE_MS)
  call.times.push(call.nowMs)
  const isOver = recent.length >= PER_MINUTE
  if (kind === 'wecom') {
    const content = textOf(kind, call.body)
    if (isOver) return { errcode: 45009, errmsg: 'api freq out of limit' }
    if (Buffer.byteLength(content) > 2048) return { errcode: 40058, errmsg: 'text exceed max length 2048' }
    return content ? { errcode: 0, errmsg: 'ok' } : { errcode: 44004, errmsg: 'empty content' }
  }
  if (kind === 'dingtalk') {
    const timestamp = call.url.searchParams.get('timestamp') ?? ''
    const sign = createHmac('sha256', SECRET).update(`${timestamp}\n${SECRET}`).digest('base64')
    const isFresh = Math.abs(Number(timestamp) - call.nowMs) < HOUR_MS
    if (sign !== call.url.searchParams.get('sign') || !isFresh) return { errcode: 310000, errmsg: 'sign not match' }
    return isOver ? { errcode: 130101, errmsg: 'send too fast' } : { errcode: 0, errmsg: 'ok' }
  }
  if (kind === 'feishu') {
    const timestamp = String(call.body['timestamp'])
    const sign = createHmac('sha256', `${timestamp}\n${SECRET}`).update('').digest('base64')
    const isFresh = Math.abs(Number(timestamp) * 1000 - call.nowMs) < HOUR_MS
    if (sign !== call.body['sign'] || !isFresh) return { code: 19021, msg: 'sign match fail' }
    return isOver ? { code: 9499, msg: 'too many request' } : { code: 0, StatusCode: 0, msg: 'success' }
  }
  return { code: 0 }
}

const isAccepted = (answer: Record<string, unknown>) => (answer['errcode'] ?? answer['code']) === 0

function textOf(kind: ChannelKind, body: Record<string, unknown>): string {
  if (kind === 'feishu') return String((body['content'] as { text?: string } | undefined)?.text ?? '')
  if (kind === 'serverchan') return `${body['title']}\n${body['desp']}`
  if (kind === 'webhook') return `${body['title']}\n${body['text']}`
  return String((body['text'] as { content?: string } | undefined)?.content ?? '')
}
