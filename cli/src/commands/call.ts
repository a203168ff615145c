import path from 'node:path'
import { type Command, UsageError } from '../command.ts'
import { askServer, findServer } from '../serve/local-server.ts'

export const call: Command = {
  name: 'call',
  summary: { en: 'Call a cloud function of the running server', zh: '调用正在运行的服务器上的云函数' },
  usage: 'sampan call NAME [options]',
  examples: ['sampan call login --as alice', `sampan call book --data '{"slotId":"s1"}' --as alice --json`],
  positionals: [{ name: 'NAME', required: true, about: { en: 'Name of the function', zh: '云函数名' } }],
  options: {
    data: {
      type: 'string',
      value: 'JSON',
      about: { en: 'The event, a JSON object (default: {})', zh: '传给函数的 event,JSON 对象(默认 {})' },
    },
    as: {
      type: 'string',
      value: 'OPENID',
      about: { en: 'Call as this user (default: as nobody)', zh: '以该用户身份调用(默认无用户)' },
    },
    project: {
      type: 'string',
      short: 'p',
      value: 'DIR',
      about: { en: 'Folder of the project (default: .)', zh: '项目目录(默认当前目录)' },
    },
  },
  async run({ options, positionals: [name = ''] }, output) {
    const data = parseData(options['data'], output.lang)
    const server = await findServer(path.resolve(String(options['project'] ?? '.')))
    const actAs: Record<string, string> = options['as'] ? { 'x-sampan-act-as': String(options['as']) } : {}
    const answer = await askServer(server, `/v1/functions/${encodeURIComponent(name)}`, { data }, actAs)
    const { result } = answer as { result?: unknown } // safe: protocol/functions.ts
    output.result(JSON.stringify(output.json ? answer : (result ?? null), null, output.json ? undefined : 2))
    return 0
  },
}

function parseData(text: unknown, lang: 'zh' | 'en'): unknown {
  try {
    const data: unknown = JSON.parse(String(text ?? '{}'))
    if (typeof data === 'object' && data !== null && !Array.isArray(data)) return data
  } catch {
    // the message below says what is wrong
  }
  throw new UsageError(
    lang === 'zh' ? '--data 必须是 JSON 对象。' : '--data must be a JSON object.',
    `sampan call NAME --data '{"a":1}'`,
  )
}
