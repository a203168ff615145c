/** One generator of `websocket-figures.ts`: holds its idle connections until it is told to go on. */
import { once } from 'node:events'
import { measureWebSocket, type WebSocketPlan } from '../../bench/src/measure-websocket.ts'
import type { FromGenerator } from './websocket-figures.ts'

const send = (message: FromGenerator) => void process.send?.(message)

// safe: websocket-figures.ts wrote it
const plan = JSON.parse(process.argv[2] ?? '') as WebSocketPlan
const figures = await measureWebSocket(plan, {
  onStage: () => {},
  async whileIdle(idle) {
    send({ kind: 'idle', idle })
    await once(process, 'message')
  },
})
send({ kind: 'done', figures })
process.disconnect()
