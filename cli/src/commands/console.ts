import path from 'node:path'
import { type Command, UsageError } from '../command.ts'
import { askConsole } from '../serve/ask-console.ts'
import { findServer } from '../serve/local-server.ts'

const ROLES = ['owner', 'developer', 'viewer']

export const consoleCommand: Command = {
  name: 'console',
  summary: { en: 'Make a one-time link that opens an account in the console', zh: '生成控制台的一次性账号链接' },
  usage: 'sampan console link [options]',
  examples: ['sampan console link', 'sampan console link --role viewer --json'],
  positionals: [{ name: 'link', required: true, about: { en: 'The only action so far', zh: '目前唯一的操作' } }],
  options: {
    role: {
      type: 'string',
      value: 'ROLE',
      about: { en: 'owner (default), developer or viewer', zh: 'owner（默认）、developer 或 viewer' },
    },
    project: {
      type: 'string',
      short: 'p',
      value: 'DIR',
      about: { en: 'Folder of the project (default: .)', zh: '项目目录（默认当前目录）' },
    },
  },
  async run({ options, positionals: [action] }, output) {
    const role = String(options['role'] ?? 'owner')
    if (action !== 'link') throw new UsageError(`console cannot "${action}".`, 'sampan console link')
    if (!ROLES.includes(role)) throw new UsageError(`There is no role "${role}".`, `Roles: ${ROLES.join(', ')}`)
    const server = await findServer(path.resolve(String(options['project'] ?? '.')))
    const answer = await askConsole<{ path: string }>(server, 'POST', '/administrators/invites', { role })
    const link = server.url + answer.path
    output.result(output.json ? JSON.stringify({ link, role }) : link)
    output.progress(output.lang === 'zh' ? '一天内有效，仅可使用一次。' : 'Works once, for a day.')
    return 0
  },
}
