/** What pages repeat about small servers, put through the model. The chapter about the verdict prints the outcome. */
import { type Text, text } from '../text.ts'

export type PopularClaim = {
  readonly claim: Text
  readonly input: Readonly<Record<string, unknown>>
  readonly reading: Text
}

const BOX = { cores: 2, memoryGB: 4, mbps: 6, mbpsKind: 'fixed', trafficGB: 800 } as const
const FIVE_MEGABIT = { ...BOX, mbps: 5, trafficGB: 500 } as const
const RAZOR = { ...BOX, mbps: 200, mbpsKind: 'peak', trafficGB: null } as const
const SMALLEST = { cores: 1, memoryGB: 2, mbps: 5, mbpsKind: 'fixed', trafficGB: 500 } as const
/** The cautious cost that the claims were first judged with. */
const NAIVE_MS = 4

export const POPULAR_CLAIMS: readonly PopularClaim[] = [
  {
    claim: text(
      '1C2G takes 50–100 requests a second of logins, lists and forms',
      '1 核 2 GB 能扛 50–100 QPS 的登录、列表、表单',
    ),
    input: { requestsPerSecond: 100, responseKB: 2, cpuMsPerRequest: NAIVE_MS, bundle: SMALLEST },
    reading: text(
      'Holds even at 4 ms of CPU a request, with small answers.',
      '成立：每请求 4 ms CPU 也行，前提是响应小。',
    ),
  },
  {
    claim: text('2C4G carries 500,000 requests a day', '2 核 4 GB 能扛每天 50 万请求'),
    input: {
      meanRequestsPerSecond: 500_000 / 86_400,
      requestsPerSecond: 23,
      responseKB: 8,
      cpuMsPerRequest: NAIVE_MS,
      bundle: FIVE_MEGABIT,
    },
    reading: text('Holds; it is 5.8 a second on average and 23 at the peak.', '成立：日均 5.8 次/秒，高峰 23 次/秒。'),
  },
  {
    claim: text(
      'The same, every fifth request a 200 KB picture from the box',
      '同上，每五次请求有一张 200 KB 图片由本机发送',
    ),
    input: {
      requestsPerSecond: 23,
      responseKB: 8,
      imageKBPerSecond: 920,
      images: 'server',
      cpuMsPerRequest: NAIVE_MS,
      bundle: BOX,
    },
    reading: text('Fails on the line while the processor idles.', '不成立：带宽先满，CPU 还闲着。'),
  },
  {
    claim: text('200 people at once on 2C4G', '2 核 4 GB 支持 200 人同时在线'),
    input: { type: 'shop', peakOnline: 200, responseKB: 8, images: 'cdn', cpuMsPerRequest: NAIVE_MS, bundle: BOX },
    reading: text('A person taps every six seconds: 33 requests a second.', '人约六秒点一次：33 次/秒。'),
  },
  {
    claim: text('1,000 people at once on 6 Mbps', '6 Mbps 支持 1,000 人同时在线'),
    input: { type: 'shop', peakOnline: 1000, responseKB: 8, images: 'cdn', cpuMsPerRequest: NAIVE_MS, bundle: BOX },
    reading: text('Not on a small line, whatever the size of the server.', '小带宽不行，与服务器大小无关。'),
  },
  {
    claim: text('1,000 people at once on a razor line', '锐驰型支持 1,000 人同时在线'),
    input: { type: 'shop', peakOnline: 1000, responseKB: 8, images: 'cdn', cpuMsPerRequest: NAIVE_MS, bundle: RAZOR },
    reading: text('Yes, if the line delivers the 30 Mbps it is planned with.', '可以，前提是线路真有规划的 30 Mbps。'),
  },
  {
    claim: text('4 Mbps supports 500 requests a second', '4 Mbps 支持 500 QPS'),
    input: { requestsPerSecond: 500, responseKB: 4, bundle: { ...BOX, mbps: 4, trafficGB: 300 } },
    reading: text('Only for answers below 1 KB.', '只有响应小于 1 KB 才成立。'),
  },
  {
    claim: text('2C2G needs the database apart', '2 核 2 GB 必须分离数据库'),
    input: {
      type: 'booking',
      dau: 5000,
      images: 'cdn',
      database: 'mysql',
      bundle: { cores: 2, memoryGB: 2, mbps: 4, mbpsKind: 'fixed', trafficGB: 300 },
    },
    reading: text('No: MariaDB with a pool of 256 MB fits.', '不必：MariaDB 配 256 MB 缓冲池放得下。'),
  },
  {
    claim: text('50,000 daily users of a shop need Kubernetes', '电商 5 万日活要上 Kubernetes'),
    input: {
      type: 'shop',
      dau: 50_000,
      images: 'cdn',
      bundle: { cores: 4, memoryGB: 8, mbps: 200, mbpsKind: 'peak', trafficGB: null },
    },
    reading: text(
      'The processor is far from its limit. The line runs out, and Kubernetes does not widen it.',
      'CPU 离上限还远。先满的是带宽，而 Kubernetes 不会让它变宽。',
    ),
  },
  {
    claim: text('2C4G holds 3,000 WebSockets', '2 核 4 GB 能挂 3,000 条 WebSocket'),
    input: { connections: 3000, messagesPerSecond: 300, bundle: BOX },
    reading: text('Holds: 66 KB each, not megabytes.', '成立：每条约 66 KB，而不是几 MB。'),
  },
]
