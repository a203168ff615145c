import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, it } from 'node:test'
import { type WebSocket, WebSocketServer } from 'ws'
import { measureFlashSale } from '../src/measure-flash-sale.ts'
import { measureOverload } from '../src/measure-overload.ts'
import { measureWebSocket } from '../src/measure-websocket.ts'
import { renderFlashSaleReport, renderOverloadReport } from '../src/report-rehearsals.ts'
import { renderWebSocketReport } from '../src/report-websocket.ts'
import { readBody, startTarget } from './start-target.ts'

const LOGIN = JSON.stringify({ token: 't', expiresAtMs: 1, openId: 'o' })

/** A shop that gives away what it has, and `tooMany` more. */
async function startShop(tooMany: number) {
  const totals = new Map<string, number>()
  const sold = new Map<string, number>()
  return startTarget(async (request, response) => {
    const [, sale = '', verb] = /^\/v1\/stock\/([^/]+)(\/reserve)?$/.exec(request.url ?? '') ?? []
    const body = await readBody(request)
    if (request.method === 'PUT') totals.set(sale, JSON.parse(body).items[0].total)
    const total = totals.get(sale) ?? 0
    const count = sold.get(sale) ?? 0
    if (verb) {
      response.statusCode = count < total + tooMany ? 200 : 409
      if (response.statusCode === 200) sold.set(sale, count + 1)
    }
    response.end(
      JSON.stringify({ items: [{ id: 'one', total, remaining: Math.max(0, total - (sold.get(sale) ?? 0)) }] }),
    )
  })
}

const PLAN = { ownerToken: 'x', buyers: 300, units: 20, pressMs: 300, durationMs: 200, onStage: () => {} }

describe('the rehearsal of a flash sale', () => {
  it('counts what was sold and who was told that it is sold out', async () => {
    const shop = await startShop(0)
    const figures = await measureFlashSale({ ...PLAN, url: `http://127.0.0.1:${shop.port}` })
    await shop.close()
    assert.equal(figures.sold, 20)
    assert.equal(figures.oversold, 0)
    assert.equal(figures.lost, 0)
    assert.equal(figures.soldOut, figures.buyers - 20)
    assert.ok(figures.mostPerSecond > 0)
    assert.match(renderFlashSaleReport(figures, 'zh'), /超卖\s+0/)
  })

  it('notices a shop that sells more than it has, whatever the shop itself says', async () => {
    const shop = await startShop(3)
    const figures = await measureFlashSale({ ...PLAN, url: `http://127.0.0.1:${shop.port}` })
    await shop.close()
    assert.equal(figures.oversold, 3)
    assert.match(renderFlashSaleReport(figures, 'en'), /oversold\s+✗ 3/)
  })
})

describe('the rehearsal of an overload', () => {
  it('tells what was answered from what was refused, by kind, and cleans up', async () => {
    let count = 0
    let cleaned = 0
    const target = await startTarget(async (request, response) => {
      await readBody(request)
      if (request.url === '/clean') cleaned++
      const isRefused = request.url === '/list' && count++ % 2 === 0
      if (isRefused) response.writeHead(503, { 'retry-after': '1' })
      response.end(request.url === '/v1/login' ? LOGIN : '{}')
    })
    const step = { weight: 1, method: 'POST', body: {} }
    const figures = await measureOverload({
      url: `http://127.0.0.1:${target.port}`,
      scenario: {
        name: 'mix',
        about: { en: '', zh: '' },
        users: 2,
        steps: [
          { ...step, name: 'list', path: '/list' },
          { ...step, name: 'login', path: '/in' },
        ],
        cleanUp: [{ ...step, name: 'clean', path: '/clean' }],
      },
      ...{ durationMs: 300, times: 0.05, onStage: () => {} },
    })
    await target.close()
    const [list, login] = figures.steps
    assert.ok(list && list.answeredShare > 0.3 && list.answeredShare < 0.7)
    assert.equal(login?.answeredShare, 1)
    assert.ok(figures.refusals > 0)
    assert.equal(figures.refusalsWithRetryAfter, figures.refusals)
    assert.equal(cleaned, 2)
    assert.match(renderOverloadReport(figures, 'en'), /Retry-After 100 %/)
  })
})

describe('the rehearsal of WebSockets', () => {
  it('opens them as phones do, weighs them, and finds every message of a room', async () => {
    const room = new Set<WebSocket>()
    const server = createServer((request, response) => {
      request.resume()
      response.end(request.url === '/v1/login' ? LOGIN : JSON.stringify({ ticket: 'ticket' }))
    })
    new WebSocketServer({ server, path: '/v1/realtime' }).on('connection', (socket) => {
      socket.on('close', () => room.delete(socket))
      socket.on('message', (data) => {
        const { msgType, msgData, exMsgData } = JSON.parse(String(data))
        if (msgType === 'LOGIN') socket.send(JSON.stringify({ msgType: exMsgData.signStr ? 'LOGIN_RES' : 'ERROR' }))
        if (msgType === 'JOIN_ROOM') {
          room.add(socket)
          socket.send(JSON.stringify({ msgType: 'JOINED' }))
        }
        if (msgType === 'SAY')
          for (const member of room) member.send(JSON.stringify({ msgType: 'ROOM_EVENT', msgData }))
      })
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const figures = await measureWebSocket(
      { url, connections: 12, members: 10, durationMs: 200, memoryCapMb: 4_096 },
      { onStage: () => {} },
    )
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
    assert.equal(figures.connections, 12)
    assert.deepEqual(figures.problems, {})
    assert.equal(figures.lost, 0)
    assert.equal(figures.fanOut?.members, 10)
    assert.equal(figures.fanOut?.lost, 0)
    assert.ok((figures.fanOut?.oneAtATime.perSecond ?? 0) > 0)
    assert.ok((figures.fanOut?.latency.p50Ms ?? 0) > 0)
    assert.match(renderWebSocketReport(figures, 'en'), /messages lost\s+0/)
  })
})
