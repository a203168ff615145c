import type { SettingName } from '@sampan/server/config'
import type { OptionSpec } from '../command.ts'

/** What `dev` and `start` both take. */
export const SERVE_OPTIONS: Readonly<Record<string, OptionSpec>> = {
  project: {
    type: 'string',
    short: 'p',
    value: 'DIR',
    about: { en: 'Folder of the mini program project (default: .)', zh: '小程序项目目录(默认当前目录)' },
  },
  port: {
    type: 'number',
    value: 'N',
    about: {
      en: 'TCP port (default: $PORT or 8080; 0 picks a free one)',
      zh: '端口(默认 $PORT 或 8080;0 表示任选空闲端口)',
    },
  },
  host: {
    type: 'string',
    value: 'H',
    about: { en: 'Address to listen on (default: 127.0.0.1)', zh: '监听地址(默认 127.0.0.1)' },
  },
  data: {
    type: 'string',
    value: 'DIR',
    about: { en: 'Data folder (default: .sampan/data in the project)', zh: '数据目录(默认项目内的 .sampan/data)' },
  },
}

/** Options as settings of the server. */
export function serveOverrides(options: Readonly<Record<string, unknown>>): Partial<Record<SettingName, string>> {
  return {
    ...(options['port'] !== undefined && { PORT: String(options['port']) }),
    ...(options['host'] !== undefined && { HOST: String(options['host']) }),
    ...(options['data'] !== undefined && { DATA_DIR: String(options['data']) }),
  }
}
