/**
 * `sampan`, the package inside the mini program: `const cloud = require('sampan')`, or `require('sampan').install(wx, …)`
 * to serve every `wx.cloud` of an existing program.
 */

import { type Cloud, createCloud } from './cloud.ts'
import { installCloud } from './install-cloud.ts'
import type { CloudSettings } from './settings.ts'
import type { Weixin } from './weixin.ts'

/** The client of this program. `init({ url })` names its server. */
export const cloud: Cloud = createCloud()

/** Names the server and replaces `wx.cloud`; also `Taro.cloud` and `uni.cloud`. */
export function install(host: Weixin, settings: CloudSettings = {}): Cloud {
  cloud.init({ wx: host, ...settings })
  if (!installCloud(host, cloud)) console.error('sampan: 无法替换 wx.cloud，请运行 sampan import')
  return cloud
}

export { CloudError } from './cloud-error.ts'
export type { Realtime } from './realtime-types.ts'
export type { Cloud, CloudSettings, Weixin }
export { createCloud }
