import path from 'node:path'
import { type Command, UsageError } from '../command.ts'
import { askServer, findServer } from '../serve/local-server.ts'

export const key: Command = {
  name: 'key',
  summary: { en: 'Create a key for server-to-server access', zh: '创建服务端访问密钥' },
  usage: 'sampan key create [options]',
  examples: ['sampan key create', 'sampan key create --label reports --json'],
  positionals: [{ name: 'create', required: true, about: { en: 'The only action so far', zh: '目前唯一的操作' } }],
  options: {
    label: { type: 'string', about: { en: 'What the key is for', zh: '密钥用途说明' } },
    project: {
      type: 'string',
      short: 'p',
      value: 'DIR',
      about: { en: 'Folder of the project (default: .)', zh: '项目目录(默认当前目录)' },
    },
  },
  async run({ options, positionals: [action] }, output) {
    if (action !== 'create') {
      throw new UsageError(
        output.lang === 'zh' ? `不支持“${action}”。` : `key cannot "${action}".`,
        'sampan key create',
      )
    }
    const server = await findServer(path.resolve(String(options['project'] ?? '.')))
    const answer = await askServer(server, '/v1/keys', { label: String(options['label'] ?? '') })
    const { secretId, secretKey } = answer as { secretId: string; secretKey: string } // safe: access-key-routes.ts
    output.result(
      output.json ? JSON.stringify({ secretId, secretKey }) : `secretId   ${secretId}\nsecretKey  ${secretKey}`,
    )
    output.progress(
      output.lang === 'zh'
        ? `secretKey 只显示这一次。用法:init({ secretId, secretKey, env, serviceUrl: '${server.url}/admin' })`
        : `The secretKey is shown only this once. Use: init({ secretId, secretKey, env, serviceUrl: '${server.url}/admin' })`,
    )
    return 0
  },
}
