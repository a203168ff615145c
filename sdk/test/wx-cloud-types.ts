/// <reference types="miniprogram-api-typings" />
/**
 * Checked by the compiler only: what Sampan offers fits where WeChat's typings expect `wx.cloud`, so that programs in
 * TypeScript keep compiling after `wx.cloud` was replaced.
 */
import type { Cloud } from '../src/index.ts'

declare const ours: Cloud

export const fitsCalls: Pick<WxCloud, 'init' | 'callFunction' | 'getTempFileURL' | 'deleteFile' | 'CloudID' | 'CDN'> =
  ours
