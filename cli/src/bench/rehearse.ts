/** The scenarios of `sampan bench` that are more than a list of requests: each answers one question, and prints its own report. */
import {
  measureFlashSale,
  measureOverload,
  measureWebSocket,
  RoomRefusedError,
  readBuiltInScenario,
  renderFlashSaleReport,
  renderOverloadReport,
  renderWebSocketReport,
} from '@sampan/bench'
import { CommandError, type Output, UsageError } from '../command.ts'

export const REHEARSALS = ['websocket', 'overload', 'flash-sale'] as const
export type Rehearsal = (typeof REHEARSALS)[number]

export type RehearsalPlan = {
  readonly url: string
  /** Of a server that the bench started itself; only there it is the owner. */
  readonly ownerToken: string | undefined
  readonly seconds: number
  readonly connections: number
  readonly buyers: number
  readonly units: number
}

type Report = { readonly figures: unknown; readonly text: string; readonly isGood: boolean }

const MEMBERS = 1_000
/** Opening connections ends when the server has grown to this. */
const MEMORY_CAP_MB = 1_024
const OVERLOAD_TIMES = 5
/** A crowd presses within this time. */
const PRESS_MS = 3_000

export async function rehearse(name: Rehearsal, plan: RehearsalPlan, output: Output): Promise<Report> {
  const { url, seconds, connections } = plan
  const { lang } = output
  const onStage = (stage: keyof typeof STAGES) => output.progress(`· ${STAGES[stage][lang]}`)
  const durationMs = seconds * 1000
  if (name === 'overload') {
    const scenario = readBuiltInScenario('mix')
    const figures = await measureOverload({ url, scenario, durationMs, times: OVERLOAD_TIMES, onStage })
    return { figures, text: renderOverloadReport(figures, lang), isGood: figures.okPerSecond > 0 }
  }
  if (name === 'flash-sale') {
    const { ownerToken, buyers, units } = plan
    if (ownerToken === undefined) throw onlyOwnServer(lang)
    const figures = await measureFlashSale({ url, ownerToken, buyers, units, pressMs: PRESS_MS, durationMs, onStage })
    return { figures, text: renderFlashSaleReport(figures, lang), isGood: figures.oversold === 0 && figures.lost === 0 }
  }
  try {
    const members = Math.min(MEMBERS, connections)
    const figures = await measureWebSocket(
      { url, connections, members, durationMs, memoryCapMb: MEMORY_CAP_MB },
      { onStage },
    )
    return { figures, text: renderWebSocketReport(figures, lang), isGood: figures.connections > 0 }
  } catch (error) {
    if (error instanceof RoomRefusedError) throw noRoom(error, lang)
    throw error
  }
}

const onlyOwnServer = (lang: Output['lang']) =>
  lang === 'zh'
    ? new UsageError('抢购演练只能用压测自己启动的服务器。', '请不带 URL 运行:演练会创建活动并以任意买家下单。')
    : new UsageError(
        'The flash sale is rehearsed on a server that the bench starts itself.',
        'Leave the URL out: it creates sales and buys in the name of thousands.',
      )

const noRoom = (error: RoomRefusedError, lang: Output['lang']) =>
  new CommandError(
    error.message,
    lang === 'zh'
      ? '请在项目的 rooms 中加入 { name: "bench-*", join: "users", say: "users" },或不带 URL 运行。'
      : 'Add { name: "bench-*", join: "users", say: "users" } to the rooms of the project, or leave the URL out.',
    { cause: error },
  )

// biome-ignore format: a table keeps its columns
const STAGES = {
  login:      { en: 'logging users in',                   zh: '登录测试用户' },
  open:       { en: 'opening connections',                zh: '建立连接' },
  idle:       { en: 'weighing idle connections',          zh: '测量空闲连接内存' },
  fanOut:     { en: 'one room, a thousand members',       zh: '千人房间广播' },
  steps:      { en: 'cost of each kind of request',       zh: '各类请求的开销' },
  saturation: { en: 'highest rate',                       zh: '最大吞吐' },
  overload:   { en: 'five times as much (open loop)',     zh: '五倍过载(开环)' },
  afterwards: { en: 'is all well again?',                 zh: '过载后恢复情况' },
  most:       { en: 'enough for everybody: highest rate', zh: '库存充足时的最大售出速率' },
  sale:       { en: 'the sale: everybody presses',        zh: '开抢' },
  cleanUp:    { en: 'cleaning up',                        zh: '清理数据' },
} as const
