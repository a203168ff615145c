import path from 'node:path'
import type { Command, Output } from '../command.ts'
import { askConsole } from '../serve/ask-console.ts'
import { findServer, type LocalServer } from '../serve/local-server.ts'
import { renderSlow, renderStatus, type SlowStatement, type Status } from '../serve/render-status.ts'

const WATCH_EVERY_MS = 3_000
const CLEAR_SCREEN = '\u001b[H\u001b[2J'

export const status: Command = {
  name: 'status',
  summary: { en: 'How full the running server is, its alarms, and what to do next', zh: '查看服务器负载、告警与建议' },
  usage: 'sampan status [options]',
  examples: ['sampan status', 'sampan status --watch', 'sampan status --slow', 'sampan status --json'],
  options: {
    watch: { type: 'boolean', short: 'w', about: { en: 'Draw again every three seconds', zh: '每三秒刷新' } },
    slow: { type: 'boolean', about: { en: 'The slow queries and the indexes they lack', zh: '查看慢查询与建议索引' } },
    project: {
      type: 'string',
      short: 'p',
      value: 'DIR',
      about: { en: 'Folder of the project (default: .)', zh: '项目目录（默认当前目录）' },
    },
  },
  async run({ options }, output, { stopped }) {
    const server = await findServer(path.resolve(String(options['project'] ?? '.')))
    if (options['slow']) {
      const { statements } = await askConsole<{ statements: SlowStatement[] }>(server, 'GET', '/slow-queries')
      output.result(output.json ? JSON.stringify({ statements }) : renderSlow(statements, output))
      return 0
    }
    if (!options['watch']) {
      output.result(await draw(server, output))
      return 0
    }
    let isOver = false
    void stopped.then(() => {
      isOver = true
    })
    while (!isOver) {
      const text = await draw(server, output)
      output.result(output.json || !output.isInteractive ? text : CLEAR_SCREEN + text)
      await Promise.race([stopped, new Promise((resolve) => setTimeout(resolve, WATCH_EVERY_MS))])
    }
    return 0
  },
}

async function draw(server: LocalServer, output: Output): Promise<string> {
  const overview = await askConsole<Status>(server, 'GET', '/overview')
  return output.json ? JSON.stringify(overview) : renderStatus(overview, output)
}
