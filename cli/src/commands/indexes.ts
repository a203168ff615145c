import path from 'node:path'
import { type Command, UsageError } from '../command.ts'
import { askServer, findServer } from '../serve/local-server.ts'

export const indexes: Command = {
  name: 'index',
  summary: { en: 'Build or drop an index of a collection', zh: '创建或删除集合的索引' },
  usage: 'sampan index create|drop COLLECTION FIELDS|NAME [options]',
  examples: [
    `sampan index create posts '{"status":1,"createdAt":-1}'`,
    `sampan index create users '{"phone":1}' --unique`,
    'sampan index drop posts status_1_createdAt_-1',
  ],
  positionals: [
    { name: 'create|drop', required: true, about: { en: 'What to do', zh: '操作' } },
    { name: 'COLLECTION', required: true, about: { en: 'The collection', zh: '集合' } },
    {
      name: 'FIELDS',
      required: true,
      about: {
        en: 'JSON of fields with 1, -1, "2dsphere" or "array"; for drop the name',
        zh: '字段 JSON,值为 1、-1、"2dsphere" 或 "array";删除时为索引名',
      },
    },
  ],
  options: {
    unique: { type: 'boolean', about: { en: 'Refuse two records with equal values', zh: '唯一索引' } },
    project: {
      type: 'string',
      short: 'p',
      value: 'DIR',
      about: { en: 'Folder of the project (default: .)', zh: '项目目录(默认当前目录)' },
    },
  },
  async run({ options, positionals: [action, name = '', what = ''] }, output) {
    if (action !== 'create' && action !== 'drop')
      throw new UsageError(`index cannot "${action}".`, 'sampan index create|drop …')
    const server = await findServer(path.resolve(String(options['project'] ?? '.')))
    const answer =
      action === 'create'
        ? await askServer(server, '/v1/documents/collections/indexes', {
            name,
            index: { fields: parseFields(what), unique: options['unique'] === true },
          })
        : await askServer(server, '/v1/documents/collections/indexes/drop', { name, index: what })
    output.result(output.json ? JSON.stringify(answer) : output.lang === 'zh' ? '完成。' : 'Done.')
    return 0
  },
}

function parseFields(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new UsageError('FIELDS must be JSON.', `sampan index create posts '{"createdAt":-1}'`)
  }
}
