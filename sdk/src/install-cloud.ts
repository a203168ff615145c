import type { Cloud } from './cloud.ts'

/**
 * Puts our client where programs look for `wx.cloud`.
 *
 * WeChat does not promise that `wx.cloud` may be replaced, so three ways are tried: define it, assign it, or replace its
 * members one by one. Where none works, `sampan import` rewrites `wx.cloud` in the pages instead.
 *
 * @returns whether calls of `host.cloud` now reach Sampan
 */
export function installCloud(host: object, cloud: Cloud): boolean {
  const target = host as { cloud?: Record<string, unknown> } // wx, Taro or uni
  // biome-ignore lint/complexity/useOptionalChain: it grows by 25 bytes on the way to ES2018
  const isInstalled = () => (target.cloud || {})['callFunction'] === cloud.callFunction

  attempt(() =>
    Object.defineProperty(target, 'cloud', { value: cloud, configurable: true, enumerable: true, writable: true }),
  )
  if (!isInstalled()) attempt(() => Object.assign(target, { cloud }))
  if (!isInstalled()) attempt(() => Object.assign(target.cloud || {}, cloud))
  return isInstalled()
}

function attempt(action: () => unknown) {
  try {
    action()
  } catch {
    // the next way may work
  }
}
