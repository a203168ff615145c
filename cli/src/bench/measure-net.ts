/** `sampan bench --net`: without an address the far end of the line, with the address that it printed the near end. */
import os from 'node:os'
import { type LineFigures, measureLine, openLineServer } from '@sampan/bench'
import { CommandError, type Output } from '../command.ts'

/** The far end waits this long for the near one. */
const LONGEST_WAIT_MS = 10 * 60_000

export async function waitForLine(port: number, output: Output, stopped: Promise<void>): Promise<number> {
  const say = (en: string, zh: string) => output.progress(output.lang === 'zh' ? zh : en)
  const line = await openLineServer({ host: '0.0.0.0', port, longestMs: LONGEST_WAIT_MS })
  void stopped.then(() => line.close())
  const urls = addresses().map((address) => `http://${address}:${line.port}${line.path}`)
  output.result(output.json ? JSON.stringify({ urls }) : urls.join('\n'))
  say(
    `\nOn the other machine: sampan bench <one of these addresses> --net --yes\nOpen port ${line.port} in the firewall meanwhile. Ends by itself after 10 minutes, or with Ctrl-C.`,
    `\n在另一台机器上运行:sampan bench <以上任一地址> --net --yes\n期间请在防火墙放行端口 ${line.port}。10 分钟后自动结束,也可按 Ctrl-C。`,
  )
  await line.ended
  return 0
}

export async function measureNet(url: string, seconds: number, output: Output): Promise<LineFigures> {
  const figures = await measureLine(url, seconds).catch((cause: unknown) => {
    throw new CommandError(
      output.lang === 'zh' ? `无法连接 ${url}。` : `${url} cannot be measured.`,
      output.lang === 'zh'
        ? '请先在另一端运行 sampan bench --net,并使用它打印的完整地址;检查防火墙和安全组。'
        : 'Run sampan bench --net at the other end first, and use the whole address that it prints; check the firewall.',
      { cause },
    )
  })
  output.result(output.json ? JSON.stringify({ figures }) : render(figures, output.lang))
  return figures
}

function render(figures: LineFigures, lang: Output['lang']): string {
  const { downMbps, upMbps, roundTripMs: calm, roundTripWhenFullMs: full } = figures
  const say = (en: string, zh: string) => (lang === 'zh' ? zh : en)
  return [
    say(`from there to here  ${downMbps.toFixed(1)} Mbps`, `对端 → 本机  ${downMbps.toFixed(1)} Mbps`),
    say(`from here to there  ${upMbps.toFixed(1)} Mbps`, `本机 → 对端  ${upMbps.toFixed(1)} Mbps`),
    say(
      `round trip          p50 ${calm.p50.toFixed(1)} ms, p95 ${calm.p95.toFixed(1)} ms`,
      `往返时延     p50 ${calm.p50.toFixed(1)} ms,p95 ${calm.p95.toFixed(1)} ms`,
    ),
    say(
      `while it is full    p50 ${full.p50.toFixed(1)} ms, p95 ${full.p95.toFixed(1)} ms`,
      `线路满载时   p50 ${full.p50.toFixed(1)} ms,p95 ${full.p95.toFixed(1)} ms`,
    ),
  ].join('\n')
}

const addresses = () =>
  Object.values(os.networkInterfaces())
    .flatMap((found) => found ?? [])
    .filter(({ family }) => family === 'IPv4')
    .map(({ address }) => address)
