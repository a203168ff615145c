import { type Text, text } from '../text.ts'

/** What the catalogue could not establish. Printed with every report that depends on it; re-check before relying on it. */
export const UNVERIFIED: readonly { readonly id: string; readonly about: Text }[] = [
  {
    id: 'general-bundles',
    about: text(
      'Which mainland general bundles between 2C4G and 4C8G are on sale today, and their line.',
      '大陆地区通用型 2 核 4 GB 到 4 核 8 GB 之间现售的套餐及其带宽。',
    ),
  },
  {
    id: 'razor-assured-line',
    about: text(
      'What a "200 Mbps peak" line delivers in the evening; 30 Mbps is assumed until it was measured from outside.',
      '“200 Mbps 峰值”在晚高峰实际能给多少；未从外部实测前按 30 Mbps 计。',
    ),
  },
  {
    id: 'clb-lighthouse',
    about: text(
      'Whether a load balancer can take a Lighthouse instance as a back end today (2022–23: not on the intranet).',
      '负载均衡如今能否以轻量服务器为后端（2022–23 年：内网不支持）。',
    ),
  },
  {
    id: 'mainland-list-prices',
    about: text(
      'Mainland list prices of standard servers and Redis, Alibaba’s 2C4G, and CloudBase Run units (2022).',
      '大陆标准服务器与 Redis 列表价、阿里云 2 核 4 GB 列表价、云托管单价（2022 年）。',
    ),
  },
  {
    id: 'disk-iops',
    about: text(
      'Disk speed of light servers is not published; `sampan bench` measures the time of one fsync.',
      '轻量服务器磁盘性能未公布；由 `sampan bench` 实测一次 fsync 的时间。',
    ),
  },
]
