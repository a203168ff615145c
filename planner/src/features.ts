import type { Range } from './app-types.ts'
import { type Text, text } from './text.ts'

/** Timed crowds: a share of the day's users (when participants are not stated) within seconds. */
type EventHabits = { readonly eventShare: Range; readonly eventSeconds: Range }

/** Work that costs CPU seconds, not milliseconds. */
type HeavyWork = { readonly jobsPerSession: Range; readonly cpuSecondsPerJob: Range }

/** Something one light server cannot offer, however fast it is. `demand` and `limit` share the unit. */
type Requirement = { readonly demand: number; readonly limit: number; readonly unit: string; readonly reason: Text }

export type Feature = {
  readonly name: Text
  readonly what: Text
  readonly event?: EventHabits
  readonly work?: HeavyWork
  /** Every open app holds a connection. */
  readonly connects?: { readonly messagesPerUserPerSecond: Range; readonly fanOut: Range }
  readonly requirement?: Requirement
  readonly memoryMB?: number
  readonly aliases?: readonly string[]
}

const range = (usual: number, low: number, high: number): Range => ({ low, usual, high })

/** What an app does beside answering requests, and what that changes in the model. */
export const FEATURES = {
  upload: {
    name: text('Uploads', '上传'),
    what: text('People send pictures; they should go straight to object storage.', '用户上传图片，应直传对象存储。'),
    aliases: ['uploads', 'image', 'images', 'file', 'files'],
  },
  pay: {
    name: text('WeChat Pay', '微信支付'),
    what: text('Every commit is durable; notifications must find the server.', '每次提交都落盘；支付通知必须可达。'),
    aliases: ['payment', 'payments', 'wechat-pay'],
  },
  im: {
    name: text('Chat', '即时消息'),
    what: text('Every open app holds a WebSocket.', '每个打开的小程序占一条 WebSocket。'),
    connects: { messagesPerUserPerSecond: range(0.05, 0.02, 0.2), fanOut: range(3, 1, 10) },
    aliases: ['chat', 'websocket', 'websockets', 'ws', 'realtime'],
  },
  cron: {
    name: text('Scheduled jobs', '定时任务'),
    what: text(
      'Timers in one process; more than one server needs one scheduler.',
      '单进程定时；多机时只能有一个调度者。',
    ),
    aliases: ['timer', 'timers', 'schedule', 'scheduled'],
  },
  functions: {
    name: text('Cloud functions', '云函数'),
    what: text('Worker processes beside the server.', '服务器旁的工作进程。'),
    memoryMB: 140,
    aliases: ['function', 'cloud-functions'],
  },
  search: {
    name: text('Full-text search', '全文搜索'),
    what: text('An index in memory.', '内存中的索引。'),
    memoryMB: 150,
  },
  'flash-sale': {
    name: text('Flash sale', '秒杀'),
    what: text('A crowd presses one button when the clock strikes.', '整点一到，众人同按一个按钮。'),
    event: { eventShare: range(0.2, 0.1, 0.4), eventSeconds: range(30, 10, 60) },
    aliases: ['flashsale', 'seckill', 'miaosha', 'sale'],
  },
  lottery: {
    name: text('Live lottery', '直播抽奖'),
    what: text('The audience answers one call.', '观众同时响应一次口令。'),
    event: { eventShare: range(0.3, 0.1, 0.6), eventSeconds: range(10, 5, 30) },
    aliases: ['live-lottery', 'raffle', 'draw'],
  },
  'course-selection': {
    name: text('Course selection', '抢课'),
    what: text('Most of a school within a minute.', '大半个学校在一分钟内到达。'),
    event: { eventShare: range(0.6, 0.3, 0.9), eventSeconds: range(60, 30, 180) },
    aliases: ['course', 'courses', 'ticket', 'tickets', 'signup'],
  },
  transcode: {
    name: text('Video transcoding', '视频转码'),
    what: text('About a CPU second per second of video.', '一秒视频约耗一秒 CPU。'),
    work: { jobsPerSession: range(0.01, 0.003, 0.03), cpuSecondsPerJob: range(60, 20, 180) },
    aliases: ['transcoding', 'video', 'ffmpeg'],
  },
  ai: {
    name: text('AI on this box', '本机 AI 推理'),
    what: text('Inference on two shared cores takes seconds.', '两个共享核上一次推理要数秒。'),
    work: { jobsPerSession: range(0.2, 0.05, 1), cpuSecondsPerJob: range(5, 2, 20) },
    memoryMB: 800,
    aliases: ['inference', 'ocr', 'llm'],
  },
  export: {
    name: text('Batch export', '批量导出'),
    what: text('Spreadsheets and PDFs in the background.', '后台生成表格与 PDF。'),
    work: { jobsPerSession: range(0.002, 0.0005, 0.01), cpuSecondsPerJob: range(15, 5, 60) },
    aliases: ['exports', 'batch', 'batch-export', 'pdf', 'report', 'reports'],
  },
  'two-zones': {
    name: text('Two availability zones', '双可用区'),
    what: text('One machine stands in one zone.', '一台机器只在一个可用区。'),
    requirement: {
      demand: 2,
      limit: 1,
      unit: 'zones',
      reason: text(
        'A light server is one machine in one zone: when the zone fails, so does the service.',
        '轻量服务器是单可用区的单台机器：可用区故障，服务就中断。',
      ),
    },
    aliases: [
      'two-az',
      'multi-az',
      'multi-zone',
      'two-availability-zones',
      'availability-zones',
      'zones',
      '2az',
      'ha',
      'high-availability',
      'dual-zone',
      'dual-az',
      'multi-region',
    ],
  },
  compliance: {
    name: text('Compliance (MLPS level 3)', '等保三级合规'),
    what: text('Auditing, separation and redundancy by regulation.', '法规要求审计、隔离与冗余。'),
    requirement: {
      demand: 3,
      limit: 2,
      unit: 'MLPS level',
      reason: text(
        'Level 3 asks for redundancy, network separation and audited services that a light server outside a private network does not have.',
        '等保三级要求冗余、网络隔离与审计，处于私有网络之外的轻量服务器不具备。',
      ),
    },
    aliases: ['mlps', 'mlps3', 'dengbao', 'djbh', 'level-3', 'regulated'],
  },
  sla: {
    name: text('Contracted uptime above 99.9 %', '合同可用性高于 99.9%'),
    what: text('A promise that one machine cannot keep.', '单机无法兑现的承诺。'),
    requirement: {
      demand: 2,
      limit: 1,
      unit: 'servers',
      reason: text(
        'One machine is rebooted, patched and sometimes lost; a promised uptime above 99.9 % needs a second one.',
        '单台机器要重启、打补丁，偶有故障；承诺 99.9% 以上必须有第二台。',
      ),
    },
    aliases: ['uptime', 'no-downtime', 'zero-downtime-sla'],
  },
  'media-relay': {
    name: text('Relay of live media', '音视频转发'),
    what: text('Each viewer takes the whole stream from the line.', '每个观众都要占一份完整码流。'),
    requirement: {
      demand: 100,
      limit: 20,
      unit: 'Mbps',
      reason: text(
        'A stream of 1 Mbps per viewer: a hundred viewers take a hundred Mbps. Use the live or TRTC service.',
        '每位观众约 1 Mbps，一百人就是 100 Mbps。请用云直播或 TRTC。',
      ),
    },
    aliases: ['live', 'live-streaming', 'livestream', 'streaming', 'rtc', 'relay', 'video-call', 'webrtc'],
  },
  'no-operator': {
    name: text('Nobody to look after a server', '无人维护服务器'),
    what: text('Somebody has to patch it.', '总得有人打补丁。'),
    requirement: {
      demand: 1,
      limit: 0,
      unit: 'operators',
      reason: text(
        'A server that nobody patches is a matter of time. CloudBase or CloudBase Run is looked after for you.',
        '无人打补丁的服务器早晚出事。请用云开发或云托管。',
      ),
    },
    aliases: ['no-ops', 'noops', 'nobody', 'unattended'],
  },
  'many-sites': {
    name: text('More than five filed sites', '备案网站超过五个'),
    what: text('One instance carries at most five filings.', '一台实例最多支持五个备案。'),
    requirement: {
      demand: 6,
      limit: 5,
      unit: 'filed sites',
      reason: text('One light server supports five ICP filings.', '一台轻量服务器最多支持五个网站备案。'),
    },
    aliases: ['sites', 'multi-site'],
  },
} as const satisfies Record<string, Feature>

export type FeatureId = keyof typeof FEATURES

export const FEATURE_IDS = Object.keys(FEATURES) as FeatureId[] // safe: the keys of a literal

/** The feature as the model reads it, without the narrow literal types of the table. */
export const featureOf = (id: FeatureId): Feature => FEATURES[id]

/** The feature a person means by this word, or undefined when the model knows nothing like it. */
export function findFeature(word: string): FeatureId | undefined {
  const plain = word
    .trim()
    .toLowerCase()
    .replaceAll(/[\s_]+/g, '-')
  return FEATURE_IDS.find((id) => id === plain || featureOf(id).aliases?.includes(plain))
}
