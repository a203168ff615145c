import { type Text, text } from './text.ts'

/** A parameter nobody knows exactly: half of the probability lies on each side of `usual`. All values are above zero. */
export type Range = { readonly low: number; readonly usual: number; readonly high: number }

/** What one user of such an app does. Sessions are openings of the mini program. */
export type Habits = {
  readonly sessionsPerUser: Range
  readonly requestsPerSession: Range
  readonly secondsPerSession: Range
  /** Bytes on the wire per JSON answer: compressed, with about 0.6 KB of headers and TLS. */
  readonly responseKB: Range
  /** Image bytes of one session if this server sends them. */
  readonly imageKBPerSession: Range
  readonly writeShare: Range
  /** Busiest minute over the mean of 24 hours. */
  readonly peakFactor: Range
}

export type AppType = { readonly name: Text; readonly why: Text; readonly habits: Habits }

const range = (usual: number, low: number, high: number): Range => ({ low, usual, high })

const table = (...columns: [Range, Range, Range, Range, Range, Range, Range]): Habits => {
  const [
    sessionsPerUser,
    requestsPerSession,
    secondsPerSession,
    responseKB,
    imageKBPerSession,
    writeShare,
    peakFactor,
  ] = columns
  return {
    sessionsPerUser,
    requestsPerSession,
    secondsPerSession,
    responseKB,
    imageKBPerSession,
    writeShare,
    peakFactor,
  }
}

// Columns: sessions, requests, seconds, response KB, image KB, write share, peak factor; each usual, low, high
// biome-ignore format: a table keeps its columns
const HABITS = {
  showcase:  table(range(1.3, 1, 2),  range(8, 4, 15),   range(45, 20, 90),    range(4, 1, 10),    range(600, 200, 2000),   range(.03, .01, .08), range(4, 2.5, 6)),
  booking:   table(range(1.3, 1, 2),  range(8, 4, 15),   range(45, 20, 90),    range(4, 1, 10),    range(600, 200, 2000),   range(.05, .01, .15), range(4, 2.5, 6)),
  tool:      table(range(2.5, 1.5, 5), range(6, 2, 12),  range(40, 15, 90),    range(2, .5, 5),    range(100, 10, 300),     range(.2, .05, .4),   range(3, 2, 4)),
  content:   table(range(3, 2, 5),    range(15, 8, 30),  range(90, 45, 240),   range(12, 5, 30),   range(1500, 500, 4000),  range(.03, .01, .08), range(4, 3, 6)),
  shop:      table(range(2, 1.5, 3.5), range(25, 12, 50), range(150, 60, 300), range(10, 4, 25),   range(2500, 1000, 6000), range(.08, .04, .15), range(5, 3, 10)),
  community: table(range(4, 2, 8),    range(30, 15, 60), range(200, 90, 600),  range(8, 3, 20),    range(2000, 500, 5000),  range(.12, .05, .25), range(4, 3, 6)),
  realtime:  table(range(3, 1.5, 6),  range(10, 5, 20),  range(300, 120, 1200), range(1, .2, 3),   range(100, 30, 300),     range(.4, .2, .6),    range(4, 3, 8)),
  workplace: table(range(3, 2, 6),    range(25, 10, 40), range(180, 60, 600),  range(5, 2, 15),    range(200, 20, 800),     range(.15, .05, .3),  range(6, 4, 10)),
  direct:    table(range(2, 1, 4),    range(12, 6, 24),  range(80, 40, 160),   range(2, 1, 4),     range(300, 100, 1000),   range(.15, .05, .3),  range(4, 3, 6)),
} satisfies Record<string, Habits>

export const APP_TYPES = {
  tool: {
    name: text('Tool', '工具'),
    why: text('Short visits, many of them, a flat day.', '打开频繁、停留短、全天平缓。'),
    habits: HABITS.tool,
  },
  showcase: {
    name: text('Showcase', '展示 / 官网'),
    why: text('One look, a few screens, little written.', '看一眼、几个页面、很少写入。'),
    habits: HABITS.showcase,
  },
  booking: {
    name: text('Booking', '预约'),
    why: text('A few screens and one form.', '几个页面和一张表单。'),
    habits: HABITS.booking,
  },
  content: {
    name: text('Content', '资讯 / 内容'),
    why: text('Long lists with covers; reading dominates.', '带封面的长列表，以读为主。'),
    habits: HABITS.content,
  },
  shop: {
    name: text('Shop', '电商 / 团购'),
    why: text('Evening peak, many pictures; a flash sale is a separate input.', '晚高峰、图片多；秒杀另行输入。'),
    habits: HABITS.shop,
  },
  crm: {
    name: text('CRM', '客户管理'),
    why: text('An eight-hour day; forms and lists.', '八小时工作制；表单与列表。'),
    habits: HABITS.workplace,
  },
  education: {
    name: text('Education', '教育 / 校园'),
    why: text('Peaks at the start of class.', '上课时刻形成尖峰。'),
    habits: HABITS.workplace,
  },
  community: {
    name: text('Community', '社区 / 社交'),
    why: text('Many long visits, posts and comments.', '访问多且久，发帖与评论。'),
    habits: HABITS.community,
  },
  realtime: {
    name: text('Realtime', '实时（聊天 / 小游戏 / 协作）'),
    why: text('Everybody online holds a WebSocket.', '在线用户各占一条 WebSocket。'),
    habits: HABITS.realtime,
  },
  saas: {
    name: text('SaaS', '企业应用'),
    why: text('An eight-hour day; peaks in the morning.', '八小时工作制；早间高峰。'),
    habits: HABITS.workplace,
  },
  event: {
    name: text('Timed event', '定时活动（秒杀 / 抢票 / 签到 / 投票）'),
    why: text(
      'So many people within so many seconds; the daily curve does not matter.',
      '多少人在多少秒内到达；与日常曲线无关。',
    ),
    habits: HABITS.showcase,
  },
} as const satisfies Record<string, AppType>

export type AppTypeId = keyof typeof APP_TYPES

/** Used when somebody states requests per second and no type: the measured mix of login, list, detail and form. */
export const DIRECT_HABITS: Habits = HABITS.direct

/** The reader of a report wants to see the figures behind each name in the same order everywhere. */
export const APP_TYPE_IDS = Object.keys(APP_TYPES) as AppTypeId[] // safe: the keys of a literal
