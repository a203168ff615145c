/// <reference types="miniprogram-api-typings" />
/**
 * Checked by the compiler only: what Sampan offers fits where WeChat's typings expect `wx.cloud`, so that programs in
 * TypeScript keep compiling after `wx.cloud` was replaced.
 */
import type { Cloud, Weixin } from '../src/index.ts'

declare const ours: Cloud

/** All but Tencent's own services. */
export const asWxCloud: Omit<WxCloud, 'extend'> = ours
export const asDatabase: DB.Database = ours.database()
/** And WeChat's `wx` is one that the client can use. */
export const asWeixin: Weixin = wx
