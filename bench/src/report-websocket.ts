/** Figures of WebSockets as text for people. */
import type { FanOutRate } from './fan-out.ts'
import type { WebSocketFigures } from './measure-websocket.ts'
import { factTable, type ReportLanguage } from './report-text.ts'

export function renderWebSocketReport(figures: WebSocketFigures, lang: ReportLanguage): string {
  const say = (en: string, zh: string) => (lang === 'zh' ? zh : en)
  const { connections, openPerSecond, kbPerConnection, serverResidentMb, lost, problems, fanOut } = figures
  const opened = `${count(connections)} (${count(openPerSecond)}${say(' opened per second', ' 个/秒建立')})`
  const facts: [string, string][] = [[say('idle connections', '空闲连接'), opened]]
  if (kbPerConnection !== undefined && serverResidentMb !== undefined) {
    const text = `${kbPerConnection.toFixed(1)} KB, ${say('server', '服务器')} ${serverResidentMb.toFixed(0)} MB`
    facts.push([say('memory each', '每个连接的内存'), text])
  }
  if (lost > 0) facts.push([say('lost', '丢失的连接'), count(lost)])
  for (const [reason, times] of Object.entries(problems))
    facts.push([say('not opened', '未能建立'), `${times} × ${reason}`])
  if (fanOut) {
    const { members, messageBytes, oneAtATime, severalAtATime, latency, latencyAtPerSecond } = fanOut
    facts.push(
      [
        say('room', '房间'),
        say(
          `${count(members)} members, ${messageBytes} bytes each message`,
          `${count(members)} 人,每条 ${messageBytes} 字节`,
        ),
      ],
      [say('one message at a time', '逐条广播'), rateText(oneAtATime, say)],
      [say('eight under way', '同时八条'), rateText(severalAtATime, say)],
      [
        say('latency', '延迟'),
        `p50 ${latency.p50Ms.toFixed(1)} ms, p95 ${latency.p95Ms.toFixed(1)} ms, p99 ${latency.p99Ms.toFixed(1)} ms ${say('at', '于')} ${count(latencyAtPerSecond)}/s`,
      ],
      [say('messages lost', '丢失的消息'), count(fanOut.lost)],
    )
  }
  return factTable(facts).join('\n')
}

const count = (value: number) => Math.round(value).toLocaleString('en')

const rateText = ({ perSecond, perCpuSecond, generatorCores }: FanOutRate, say: (en: string, zh: string) => string) => {
  const perCpu = perCpuSecond === undefined ? '' : `, ${count(perCpuSecond)} ${say('per CPU-second', '/CPU 秒')}`
  const isLimit = generatorCores > 0.9 ? say(' (the generator was the limit)', '(发压端成为瓶颈)') : ''
  return `${count(perSecond)}/s${perCpu}${isLimit}`
}
