import { type Text, text } from '../text.ts'

/** How far a figure can be trusted. `measured` on this very box, `modelled` from a stated formula, `guessed` otherwise. */
export type Provenance = 'measured' | 'modelled' | 'guessed'

export type Confidence = 'high' | 'medium' | 'low'

export type Source = {
  readonly title: Text
  /** Where to look it up; empty for figures that only a running system or our own bench gives. */
  readonly url: string
  /** ISO date or year of the state described, not of our reading. */
  readonly asOf: string
  readonly kind: 'vendor' | 'official' | 'community' | 'own-measurement' | 'own-formula'
}

const TENCENT_DOCS = 'https://cloud.tencent.com/document/product'
const WECHAT_DOCS = 'https://developers.weixin.qq.com/miniprogram/dev'

/** Every row of the catalogue and every parameter of the model names one of these. */
export const SOURCES = {
  'tencent-lighthouse-prices': {
    title: text('Tencent Cloud: Lighthouse bundle prices', '腾讯云：轻量应用服务器套餐价格'),
    url: `${TENCENT_DOCS}/1207/73452`,
    asOf: '2026-06-15',
    kind: 'vendor',
  },
  'tencent-lighthouse-razor': {
    title: text(
      'Tencent Cloud: razor bundles, peak bandwidth without commitment',
      '腾讯云：锐驰型套餐，峰值带宽不承诺',
    ),
    url: `${TENCENT_DOCS}/1207/115752`,
    asOf: '2026-06-15',
    kind: 'vendor',
  },
  'tencent-lighthouse-traffic': {
    title: text('Tencent Cloud: Lighthouse traffic quota and overage', '腾讯云：轻量应用服务器流量包与超额计费'),
    url: `${TENCENT_DOCS}/1207/82259`,
    asOf: '2026-06-15',
    kind: 'vendor',
  },
  'tencent-docs-archive': {
    title: text('Tencent Cloud documents, archived price table', '腾讯云文档存档：价格总览'),
    url: 'https://github.com/tencentyun/qcloud-documents',
    asOf: '2023',
    kind: 'vendor',
  },
  'tencent-cloudbase-vm': {
    title: text('CloudBase API: virtual machine specifications', '云开发 API：轻量服务器规格与询价'),
    url: `${TENCENT_DOCS}/876/129360`,
    asOf: '2026',
    kind: 'vendor',
  },
  'tencent-clb-billing': {
    title: text('Tencent Cloud: load balancer billing', '腾讯云：负载均衡计费'),
    url: `${TENCENT_DOCS}/214/8848`,
    asOf: '2023',
    kind: 'vendor',
  },
  'alibaba-swas-plans': {
    title: text('Alibaba Cloud: SWAS ListPlans, example values', '阿里云：轻量应用服务器 ListPlans 示例值'),
    url: 'https://help.aliyun.com/zh/simple-application-server/',
    asOf: '2026-07-09',
    kind: 'vendor',
  },
  'alibaba-clb-billing': {
    title: text('Alibaba Cloud: CLB pay-as-you-go billing', '阿里云：CLB 按量计费'),
    url: 'https://help.aliyun.com/zh/slb/classic-load-balancer/product-overview/pay-as-you-go-billing-for-clb',
    asOf: '2026',
    kind: 'vendor',
  },
  'community-prices': {
    title: text('Dated community price reports', '社区价格记录（有日期）'),
    url: '',
    asOf: '2026-10',
    kind: 'community',
  },
  'bandwidth-price-copy': {
    title: text('Copy of the official fixed-bandwidth price page', '官方固定带宽价格页的转载'),
    url: 'https://www.shangyun51.com',
    asOf: '2026-07-20',
    kind: 'community',
  },
  'scf-limits': {
    title: text('Tencent Cloud: SCF quotas and limits', '腾讯云：云函数配额与限制'),
    url: `${TENCENT_DOCS}/583/11637`,
    asOf: '2025-03-24',
    kind: 'vendor',
  },
  'wechat-visit-trend': {
    title: text('WeChat: getDailyVisitTrend, documented sample', '微信：getDailyVisitTrend 文档示例'),
    url: `${WECHAT_DOCS}/OpenApiDoc/data-analysis/visit-trend/getDailyVisitTrend.html`,
    asOf: '2017',
    kind: 'official',
  },
  'wechat-network': {
    title: text('WeChat: network rules for mini programs', '微信：小程序网络能力'),
    url: `${WECHAT_DOCS}/framework/ability/network.html`,
    asOf: '2026',
    kind: 'official',
  },
  'questmobile-2024': {
    title: text('QuestMobile: mini program use, October 2024', 'QuestMobile：小程序使用时长，2024 年 10 月'),
    url: 'https://www.questmobile.com.cn',
    asOf: '2024-10',
    kind: 'community',
  },
  'type-defaults': {
    title: text(
      'Defaults per kind of app, a judgement anchored on the two above',
      '各类应用的默认值：依据以上两项的判断',
    ),
    url: '',
    asOf: '2026-11-22',
    kind: 'own-formula',
  },
  'reference-measurement': {
    title: text(
      'Measurement of a Sampan-like stack on two vCPUs (Node 24, Fastify, SQLite, nginx)',
      '类 Sampan 架构在两个 vCPU 上的实测（Node 24、Fastify、SQLite、nginx）',
    ),
    url: '',
    asOf: '2026-11',
    kind: 'own-measurement',
  },
  'this-box': {
    title: text('capacity.json: what bench measured on this box', 'capacity.json：bench 在本机的实测'),
    url: '',
    asOf: '',
    kind: 'own-measurement',
  },
  queueing: {
    title: text('Utilisation law, Little’s law, M/M/c waiting time', '利用率定律、利特尔定律、M/M/c 排队'),
    url: '',
    asOf: '',
    kind: 'own-formula',
  },
} as const satisfies Record<string, Source>

export type SourceId = keyof typeof SOURCES
