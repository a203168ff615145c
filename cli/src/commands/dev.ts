import path from 'node:path'
import type { Command } from '../command.ts'
import { SERVE_OPTIONS, serveOverrides } from '../serve/serve-options.ts'

export const dev: Command = {
  name: 'dev',
  summary: {
    en: 'Run a mini program project here, with WeChat simulated',
    zh: '在本机运行小程序项目的后端(使用模拟的微信)',
  },
  usage: 'sampan dev [options]',
  examples: ['sampan dev', 'sampan dev --project my-app --port 9000'],
  options: SERVE_OPTIONS,
  async run({ options }, output, context) {
    // Loaded here: the server takes half a second, and most commands do not need it.
    const { loadProject } = await import('../project/load-project.ts')
    const { defaultDataDir, serveProject } = await import('../serve/serve-project.ts')
    const project = await loadProject(String(options['project'] ?? '.'))
    const dataDir = options['data'] ? path.resolve(String(options['data'])) : defaultDataDir(project)
    return serveProject(
      { project, dataDir, overrides: serveOverrides(options), usesSimulator: true, isDev: true },
      output,
      context,
    )
  },
}
