import { existsSync, readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import {
  BUILT_IN_SCENARIOS,
  type CapacityFile,
  LoginRefusedError,
  type Measurement,
  measure,
  type Progress,
  parseScenario,
  readBuiltInScenario,
  renderHtmlReport,
  renderTextReport,
  ScenarioError,
  toCapacityFile,
} from '@sampan/bench'
import { compareModel, isGoodModel, renderComparison } from '../bench/compare-model.ts'
import { measureNet, waitForLine } from '../bench/measure-net.ts'
import { REHEARSALS, rehearse } from '../bench/rehearse.ts'
import { startOwnServer } from '../bench/start-own-server.ts'
import { type Command, CommandError, type Output, UsageError } from '../command.ts'

const SHORTEST_SECONDS = 0.2
const LONGEST_SECONDS = 30
const USUAL_SECONDS = 3
const MOST_PER_SECOND = 100_000
/** Below a process's usual limit of 20,000 open files. */
const MOST_CONNECTIONS = 18_000
const USUAL_CONNECTIONS = 5_000
const MOST_BUYERS = 200_000
const HIGHEST_PORT = 65_535
/** The far end sends no longer than this. */
const LONGEST_NET_SECONDS = 10
const USUAL_BUYERS = 10_000
const USUAL_UNITS = 100

const NAMES = [...BUILT_IN_SCENARIOS, ...REHEARSALS]

export const bench: Command = {
  name: 'bench',
  summary: {
    en: 'Measure how many requests this box carries, and keep it in capacity.json',
    zh: '实测这台机器能承载多少请求,并写入 capacity.json',
  },
  usage: 'sampan bench [URL] [options]',
  examples: [
    'sampan bench',
    'sampan bench --html report.html',
    'sampan bench --compare-model',
    'sampan bench --scenario flash-sale --buyers 20000 --units 200',
    'sampan bench http://127.0.0.1:8080 --scenario my.json',
  ],
  positionals: [
    {
      name: 'URL',
      about: {
        en: 'Server under test (default: a private one, started for the measurement with the simulated WeChat)',
        zh: '被测服务器(默认启动一个私有的、使用模拟微信的服务器)',
      },
    },
  ],
  options: {
    scenario: {
      type: 'string',
      value: 'NAME|FILE',
      about: {
        en: `What is sent: ${NAMES.join(', ')}, or a JSON file (default: mix)`,
        zh: `压测场景:${NAMES.join('、')},或 JSON 文件(默认 mix)`,
      },
    },
    seconds: {
      type: 'number',
      value: 'N',
      about: {
        en: `Length of one probe; the whole takes about 25 of them (default: ${USUAL_SECONDS})`,
        zh: `单次探测时长(秒),全程约 25 次(默认 ${USUAL_SECONDS})`,
      },
    },
    'compare-model': {
      type: 'boolean',
      about: {
        en: "Compare the advisor's prediction with what five workloads then reach; 1 if one is off by more than 20 %",
        zh: '对比容量模型的预测与五种负载的实测拐点;任一误差超过 20 % 时退出码为 1',
      },
    },
    'max-rate': {
      type: 'number',
      value: 'N',
      about: { en: 'No probe of the open loop goes beyond N requests/s', zh: '开环探测的速率上限(次/秒)' },
    },
    connections: {
      type: 'number',
      value: 'N',
      about: {
        en: `websocket: how many to open (default: ${USUAL_CONNECTIONS})`,
        zh: `websocket 场景:建立的连接数(默认 ${USUAL_CONNECTIONS})`,
      },
    },
    buyers: {
      type: 'number',
      value: 'N',
      about: {
        en: `flash-sale: how many press (default: ${USUAL_BUYERS})`,
        zh: `flash-sale 场景:买家数(默认 ${USUAL_BUYERS})`,
      },
    },
    units: {
      type: 'number',
      value: 'N',
      about: {
        en: `flash-sale: how many there are (default: ${USUAL_UNITS})`,
        zh: `flash-sale 场景:商品件数(默认 ${USUAL_UNITS})`,
      },
    },
    net: {
      type: 'boolean',
      about: {
        en: 'Measure the line between two machines: run it on both, first without an address',
        zh: '测量两台机器之间的线路:两端各运行一次,先运行不带地址的一端',
      },
    },
    port: {
      type: 'number',
      value: 'N',
      about: { en: 'Port of the far end of --net (default: a free one)', zh: '--net 监听端的端口(默认任选空闲端口)' },
    },
    data: {
      type: 'string',
      value: 'DIR',
      about: { en: 'Folder on the disk that will be used (default: .)', zh: '将要使用的磁盘上的目录(默认当前目录)' },
    },
    out: {
      type: 'string',
      value: 'FILE',
      about: { en: 'Where the capacity goes (default: capacity.json)', zh: '容量文件的位置(默认 capacity.json)' },
    },
    html: { type: 'string', value: 'FILE', about: { en: 'Write a report with plots', zh: '写出带图表的 HTML 报告' } },
  },
  async run({ options, positionals: [target] }, output, { stopped }) {
    const url = target && checkedUrl(target, options['yes'] === true, output.lang)
    if (options['net'] === true) {
      const port = boundedNumber(options['port'], 0, 0, HIGHEST_PORT, 'port')
      const netSeconds = boundedNumber(options['seconds'], USUAL_SECONDS, 1, LONGEST_NET_SECONDS, 'seconds')
      if (!target) return waitForLine(port, output, stopped)
      const { downMbps } = await measureNet(target, netSeconds, output)
      await keepLine(String(options['out'] ?? 'capacity.json'), downMbps, output)
      return 0
    }
    const name = String(options['scenario'] ?? 'mix')
    const rehearsal = REHEARSALS.find((known) => known === name)
    const scenario = readScenario(rehearsal ? 'mix' : name)
    const seconds = boundedNumber(options['seconds'], USUAL_SECONDS, SHORTEST_SECONDS, LONGEST_SECONDS, 'seconds')
    const maxPerSecond = boundedNumber(options['max-rate'], MOST_PER_SECOND, 1, MOST_PER_SECOND, 'max-rate')
    const dataDir = path.resolve(String(options['data'] ?? '.'))

    const sizes = {
      connections: boundedNumber(options['connections'], USUAL_CONNECTIONS, 1, MOST_CONNECTIONS, 'connections'),
      buyers: boundedNumber(options['buyers'], USUAL_BUYERS, 1, MOST_BUYERS, 'buyers'),
      units: boundedNumber(options['units'], USUAL_UNITS, 1, MOST_BUYERS, 'units'),
    }

    const own = url ? undefined : await startOwnServer(dataDir)
    try {
      if (options['compare-model'] === true) {
        const comparisons = await compareModel(url || own?.url || '', seconds * 1000, output)
        output.result(output.json ? JSON.stringify({ comparisons }) : renderComparison(comparisons, output.lang))
        return isGoodModel(comparisons) ? 0 : 1
      }
      if (rehearsal) {
        const plan = { url: url || own?.url || '', ownerToken: own?.ownerToken, seconds, ...sizes }
        const { figures, text, isGood } = await rehearse(rehearsal, plan, output)
        output.result(
          output.json ? JSON.stringify({ scenario: name, takenAt: new Date().toISOString(), figures }) : text,
        )
        return isGood ? 0 : 1
      }
      const measurement = await measure({
        url: url || own?.url || '',
        scenario,
        probeMs: seconds * 1000,
        maxPerSecond,
        ...(!url || isLoopback(url) ? { fsyncFolder: dataDir } : {}),
        onProgress: (progress) => output.progress(progressLine(progress, output.lang)),
      })
      await report(measurement, options, output)
      return measurement.saturation.ok > 0 ? 0 : 1
    } catch (error) {
      if (error instanceof LoginRefusedError) throw loginHelp(error, output.lang)
      throw error
    } finally {
      await own?.close()
    }
  },
}

async function report(measurement: Measurement, options: Record<string, unknown>, output: Output) {
  const say = (en: string, zh: string) => output.progress(output.lang === 'zh' ? zh : en)
  const place = String(options['out'] ?? 'capacity.json')
  const capacity = toCapacityFile(measurement, readEarlier(place))
  output.result(output.json ? JSON.stringify({ measurement, capacity }) : renderTextReport(measurement, output.lang))
  await writeFile(place, `${JSON.stringify(capacity, null, 2)}\n`)
  say(
    `\nWrote ${place}. Next: sampan plan --capacity ${place}`,
    `\n已写入 ${place}。下一步:sampan plan --capacity ${place}`,
  )
  if (options['html']) {
    await writeFile(String(options['html']), renderHtmlReport(measurement, output.lang))
    say(`Wrote ${options['html']}.`, `已写入 ${options['html']}。`)
  }
}

/** The far end is the server: what comes from there is what its line carries to phones. */
async function keepLine(place: string, downMbps: number, output: Output) {
  const earlier = readEarlier(place)
  if (!earlier.cpuMsPerRequest) return
  await writeFile(place, `${JSON.stringify({ ...earlier, lineMbps: Math.round(downMbps * 10) / 10 }, null, 2)}\n`)
  output.progress(output.lang === 'zh' ? `已将线路带宽写入 ${place}。` : `Added the line to ${place}.`)
}

/** @throws {UsageError} for another machine, unless the person has said that it is theirs */
function checkedUrl(text: string, isConfirmed: boolean, lang: 'zh' | 'en'): string {
  const url = URL.parse(text)
  if (url?.protocol !== 'http:') {
    throw new UsageError(
      lang === 'zh' ? `“${text}”不是 http:// 地址。` : `"${text}" is not an http:// address.`,
      lang === 'zh'
        ? '压测不经过 TLS:请在服务器上对本机地址运行。'
        : 'The bench speaks no TLS: run it on the server, against loopback.',
    )
  }
  if (!isLoopback(text) && !isConfirmed) {
    throw new UsageError(
      lang === 'zh' ? `${url.host} 不是本机。` : `${url.host} is not this machine.`,
      lang === 'zh'
        ? '压测他人的服务器属于攻击。确认是自己的服务器后加 --yes。'
        : 'A load on somebody else’s server is an attack. If it is yours, add --yes.',
    )
  }
  return url.origin
}

function isLoopback(text: string): boolean {
  const host = new URL(text).hostname.replace(/^\[|\]$/g, '')
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host)
}

function readScenario(name: string) {
  const builtIn = BUILT_IN_SCENARIOS.find((known) => known === name)
  if (builtIn) return readBuiltInScenario(builtIn)
  if (!existsSync(name)) {
    throw new UsageError(`There is no scenario "${name}".`, `Built in: ${NAMES.join(', ')}; or name a JSON file.`)
  }
  try {
    return parseScenario(readFileSync(name, 'utf8'))
  } catch (error) {
    if (error instanceof ScenarioError) throw new CommandError(error.message, 'docs/bench.md shows a complete file.')
    throw error
  }
}

function boundedNumber(value: unknown, fallback: number, low: number, high: number, name: string): number {
  const number = value === undefined ? fallback : Number(value)
  if (number >= low && number <= high) return number
  throw new UsageError(`--${name} takes ${low} to ${high}, got ${number}.`)
}

/** An unreadable file is replaced: it held nothing that could be added to. */
function readEarlier(place: string): Partial<CapacityFile> {
  try {
    return JSON.parse(readFileSync(place, 'utf8')) as Partial<CapacityFile> // safe: only copied on, the planner checks it
  } catch {
    return {}
  }
}

const loginHelp = (error: LoginRefusedError, lang: 'zh' | 'en') =>
  new CommandError(
    error.message,
    lang === 'zh'
      ? '内置场景用模拟微信的 code 登录;真实微信的服务器请不带 URL 运行,或用 users 为 0 的场景文件。'
      : 'Built-in scenarios log in with the simulated WeChat. Without a URL a private server is measured; or use a scenario file with "users": 0.',
    { cause: error },
  )

// biome-ignore format: a table keeps its columns
const STAGES = {
  login:      { en: 'logging users in',               zh: '登录测试用户' },
  steps:      { en: 'cost of each kind of request',   zh: '各类请求的开销' },
  saturation: { en: 'highest rate',                   zh: '最大吞吐' },
  scaling:    { en: 'throughput by clients',          zh: '吞吐随并发的变化' },
  knee:       { en: 'searching the knee (open loop)', zh: '寻找拐点(开环)' },
  memory:     { en: 'memory per connection',          zh: '每个连接的内存' },
  cleanUp:    { en: 'cleaning up',                    zh: '清理数据' },
} as const

function progressLine(progress: Progress, lang: 'zh' | 'en'): string {
  if (progress.kind === 'stage') return `· ${STAGES[progress.stage][lang]}`
  const { label, perSecond, p95Ms } = progress
  return `  ${label.padEnd(14)} ${Math.round(perSecond)}/s, p95 ${p95Ms.toFixed(1)} ms`
}
