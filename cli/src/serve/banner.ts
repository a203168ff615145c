/** What a person sees when the server is ready: where everything is, and what to try next. */
import path from 'node:path'
import type { RunningServer } from '@sampan/server/start-server'
import type { Output } from '../command.ts'
import type { Project } from '../project/load-project.ts'

type Facts = {
  readonly server: RunningServer
  /** Path of the one-time link that makes the console's first account; undefined once there is one. */
  readonly setupLink: string | undefined
  readonly project: Project
  readonly dataDir: string
  readonly usesSimulator: boolean
  readonly readyMs: number
  readonly version: string
}

export function renderBanner(
  { server, setupLink, project, dataDir, usesSimulator, readyMs, version }: Facts,
  { lang, json, color }: Output,
): string {
  const { url } = server
  const addresses = {
    api: `${url}/v1`,
    openapi: `${url}/openapi.json`,
    console: `${url}/console/`,
    plan: `${url}/console/plan`,
    ...(setupLink && { setup: url + setupLink }),
  }
  if (json) return JSON.stringify({ ready: true, url, ...addresses, dataDir, readyMs })

  const simulatorUrl = `${server.resources.config.WECHAT_BASE_URL}/simulator`
  const shown = path.relative(process.cwd(), dataDir) || '.'
  const zh = lang === 'zh'
  const found = project.collectionsFrom === 'code' && project.collections.length > 0
  const rows: [string, string][] = [
    [zh ? '接口' : 'API', `${addresses.api}  (${zh ? '文档' : 'described at'} ${addresses.openapi})`],
    [zh ? '控制台' : 'Console', addresses.console],
    ...(setupLink
      ? [
          [
            zh ? '首次设置' : 'First time',
            `${url}${setupLink}  (${zh ? '一次性链接,创建管理员' : 'one-time link, makes your account'})`,
          ] as [string, string],
        ]
      : []),
    [zh ? '规划' : 'Plan', `${addresses.plan}  (${zh ? '一台轻量服务器够不够?' : 'is one light server enough?'})`],
    [
      zh ? '微信' : 'WeChat',
      usesSimulator
        ? `${zh ? '模拟器,无需 AppID 与商户号' : 'simulated, no AppID or merchant needed'}  (${simulatorUrl})`
        : 'api.weixin.qq.com',
    ],
    [zh ? '数据' : 'Data', shown],
  ]
  if (found) {
    const names = project.collections.map(({ name }) => name).join(', ')
    rows.push([
      zh ? '集合' : 'Collections',
      `${names}  (${zh ? '从代码中找到,仅创建者可读写' : 'found in the code; only the creator reads and writes'})`,
    ])
  }
  const bold = (text: string) => (color ? `\u001b[1m${text}\u001b[22m` : text)
  const lines = rows.map(([label, value], at) => `  ${at === rows.length - 1 ? '└─' : '├─'} ${padded(label)} ${value}`)
  const [first] = server.resources.functions.list()
  const next = `sampan call ${first?.name ?? 'NAME'} --as alice --project ${path.relative(process.cwd(), project.root) || '.'}`
  return [
    '',
    bold(
      zh
        ? `  舢板 Sampan ${version} ready 已就绪 ${url}(${readyMs} 毫秒)`
        : `  Sampan ${version} ready at ${url} (${readyMs} ms)`,
    ),
    '',
    ...lines,
    '',
    zh ? `  接下来试试:npx ${next}   停止:Ctrl-C` : `  Try next: npx ${next}   Stop: Ctrl-C`,
    '',
  ].join('\n')
}

const LABEL_COLUMNS = 12

/** Chinese characters take two columns of a terminal. */
function padded(label: string): string {
  const columns = [...label].reduce((sum, character) => sum + (character.charCodeAt(0) > 0xff ? 2 : 1), 0)
  return label + ' '.repeat(Math.max(0, LABEL_COLUMNS - columns))
}
