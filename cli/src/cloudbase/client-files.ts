/** The folder that is added to a program: the client, where the server is, and the two put together. */
import type { BundledClient } from './bundled-client.ts'

export const CLIENT_FOLDER = 'sampan'

const SERVERS = [
  "  develop: 'http://127.0.0.1:8080',",
  "  trial: 'https://api.example.com',",
  "  release: 'https://api.example.com',",
  '}',
  '',
]
const ABOUT_SERVERS = [
  '// The address of your server, for each version of the mini program (domains must be listed in the WeChat console).',
  '// 各版本小程序使用的服务器地址(域名须在微信公众平台配置)。',
]

/** For programs that WeChat loads as they are written. */
export const plainFiles = ({ client, realtime }: BundledClient): Record<string, string> => ({
  'client.js': client,
  'realtime.js': realtime,
  'server.js': [...ABOUT_SERVERS, 'module.exports = {', ...SERVERS].join('\n'),
  'index.js': [
    "const cloud = require('./client.js')",
    '',
    "cloud.init({ url: require('./server.js'), realtime: require('./realtime.js') })",
    '',
    'module.exports = cloud',
    '',
  ].join('\n'),
})

/** For programs that webpack or Vite builds: Vite takes nothing but ES modules from a project's own folders. */
export const moduleFiles = ({ client, realtime }: BundledClient): Record<string, string> => ({
  'client.js': asModule(client),
  'realtime.js': asModule(realtime),
  'server.js': [...ABOUT_SERVERS, 'export default {', ...SERVERS].join('\n'),
  'index.js': [
    "import cloud from './client.js'",
    "import realtime from './realtime.js'",
    "import url from './server.js'",
    '',
    'cloud.init({ url, realtime })',
    '',
    'export default cloud',
    '',
  ].join('\n'),
  'index.d.ts': [
    '// biome-ignore lint: the shape is that of wx.cloud',
    'declare const cloud: any',
    'export default cloud',
    '',
  ].join('\n'),
})

const asModule = (text: string) =>
  [
    '/* eslint-disable */',
    'const holder = { exports: {} };',
    '(function (module, exports) {',
    text.trimEnd(),
    '})(holder, holder.exports);',
    'export default holder.exports;',
    '',
  ].join('\n')
