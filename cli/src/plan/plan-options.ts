/** The flags of `sampan plan` and the input they mean. A flag beats the file, the file beats a question. */
import { APP_TYPE_IDS, FEATURE_IDS, OVERRIDES } from '@sampan/planner'
import type { OptionSpec } from '../command.ts'
import { UsageError } from '../command.ts'

export const PLAN_OPTIONS: Readonly<Record<string, OptionSpec>> = {
  type: {
    type: 'string',
    value: 'TYPE',
    about: { en: `What it is: ${APP_TYPE_IDS.join(' ')}`, zh: `应用类型:${APP_TYPE_IDS.join(' ')}` },
  },
  dau: { type: 'number', value: 'PEOPLE', about: { en: 'Different people in a day', zh: '日活' } },
  'peak-online': {
    type: 'number',
    value: 'PEOPLE',
    about: { en: 'People with it open in the busiest minute', zh: '最忙一分钟打开小程序的人数' },
  },
  features: {
    type: 'string',
    value: 'LIST',
    about: { en: `Comma-separated: ${FEATURE_IDS.join(',')}`, zh: `逗号分隔:${FEATURE_IDS.join(',')}` },
  },
  images: {
    type: 'string',
    value: 'PLACE',
    about: { en: 'Who sends images: server or cdn', zh: '图片由谁发送:server 或 cdn' },
  },
  bundle: {
    type: 'string',
    value: 'SIZE',
    about: {
      en: 'Judge this server, such as 2c4g6m (default: find the smallest)',
      zh: '评估这台服务器,如 2c4g6m(默认寻找最小配置)',
    },
  },
  database: {
    type: 'string',
    value: 'NAME',
    about: { en: 'sqlite, mysql or postgres', zh: 'sqlite、mysql 或 postgres' },
  },
  participants: { type: 'number', value: 'PEOPLE', about: { en: 'People in the event', zh: '活动参与人数' } },
  window: { type: 'number', value: 'SECONDS', about: { en: 'Seconds in which they arrive', zh: '活动到达窗口(秒)' } },
  set: {
    type: 'string',
    multiple: true,
    value: 'NAME=NUMBER',
    about: {
      en: 'Any figure of the model, such as requestsPerSecond=80',
      zh: '模型中的任一数字,如 requestsPerSecond=80',
    },
  },
  input: {
    type: 'string',
    value: 'FILE',
    about: { en: 'Read the input from a JSON file (- for stdin)', zh: '从 JSON 文件读取输入(- 为标准输入)' },
  },
  capacity: {
    type: 'string',
    value: 'FILE',
    about: { en: 'capacity.json of `sampan bench` on this box', zh: '本机 `sampan bench` 得到的 capacity.json' },
  },
  html: { type: 'boolean', about: { en: 'Print one self-contained page', zh: '输出一个自包含网页' } },
  mermaid: { type: 'boolean', about: { en: 'Print the architecture as Mermaid', zh: '以 Mermaid 输出架构' } },
  svg: { type: 'boolean', about: { en: 'Print the architecture as SVG', zh: '以 SVG 输出架构' } },
  out: {
    type: 'string',
    value: 'DIR',
    about: { en: 'Write everything to run it into a folder', zh: '把部署所需的一切写入目录' },
  },
  force: { type: 'boolean', about: { en: 'Overwrite files in that folder', zh: '覆盖目录中的文件' } },
  domain: { type: 'string', value: 'NAME', about: { en: 'The filed domain, for --out', zh: '已备案域名,用于 --out' } },
  nginx: {
    type: 'string',
    value: 'VERSION',
    about: { en: 'Version of nginx on the server (default: 1.22)', zh: '服务器上的 nginx 版本(默认 1.22)' },
  },
  check: {
    type: 'string',
    value: 'DIR',
    about: { en: 'Check a written folder with the real programs', zh: '用真实程序检查已写出的目录' },
  },
}

/** Flags that are fields of the input as they stand. */
const FIELDS: readonly (readonly [flag: string, field: string])[] = [
  ['type', 'type'],
  ['dau', 'dau'],
  ['peak-online', 'peakOnline'],
  ['images', 'images'],
  ['bundle', 'bundle'],
  ['database', 'database'],
  ['participants', 'participants'],
  ['window', 'windowSeconds'],
]

export function inputFromOptions(options: Record<string, unknown>): Record<string, unknown> {
  const input: Record<string, unknown> = {}
  for (const [flag, field] of FIELDS) if (options[flag] !== undefined) input[field] = options[flag]
  if (options['features'] !== undefined) {
    input['features'] = String(options['features'])
      .split(',')
      .map((word) => word.trim())
      .filter(Boolean)
  }
  for (const pair of [options['set'] ?? []].flat()) Object.assign(input, parsePair(String(pair)))
  return input
}

function parsePair(pair: string): Record<string, number> {
  const [name = '', value = ''] = pair.split('=', 2)
  if (Object.hasOwn(OVERRIDES, name) && value.trim() !== '' && Number.isFinite(Number(value)))
    return { [name]: Number(value) }
  throw new UsageError(`--set ${pair}: expected NAME=NUMBER.`, `NAME is one of ${Object.keys(OVERRIDES).join(', ')}.`)
}
