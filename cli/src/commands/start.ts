import path from 'node:path'
import type { Command } from '../command.ts'
import { SERVE_OPTIONS, serveOverrides } from '../serve/serve-options.ts'

export const start: Command = {
  name: 'start',
  summary: {
    en: 'Run the server for real: WeChat itself, secrets required',
    zh: '正式运行服务器:连接真实微信,必须配置密钥',
  },
  usage: 'sampan start [options]',
  examples: [
    'WECHAT_APP_ID=wx… WECHAT_SECRET=… SECRET_KEY=… sampan start --project my-app',
    'sampan start --simulator',
  ],
  options: {
    ...SERVE_OPTIONS,
    simulator: {
      type: 'boolean',
      about: { en: 'Simulate WeChat, to try the production mode', zh: '使用模拟的微信,用于试运行' },
    },
  },
  async run({ options }, output, context) {
    // Loaded here: the server takes half a second, and most commands do not need it.
    const { loadProject } = await import('../project/load-project.ts')
    const { defaultDataDir, serveProject } = await import('../serve/serve-project.ts')
    const project = await loadProject(String(options['project'] ?? '.'))
    const chosen = options['data'] ?? context.env['DATA_DIR']
    const dataDir = chosen ? path.resolve(String(chosen)) : defaultDataDir(project)
    const usesSimulator = options['simulator'] === true
    return serveProject(
      { project, dataDir, overrides: serveOverrides(options), usesSimulator, isDev: false },
      output,
      context,
    )
  },
}
