/** The merchant's account from the settings. */
import { readFileSync } from 'node:fs'
import { AppError } from '../../errors.ts'
import type { Log } from '../../log.ts'
import { openWeChatPay } from '../../wechat/pay/open-pay.ts'
import type { WeChatPay } from '../../wechat/pay/pay.ts'

export type MerchantSettings = {
  readonly WECHAT_APP_ID: string
  readonly WECHAT_PAY_MCH_ID: string
  readonly WECHAT_PAY_PRIVATE_KEY: string
  readonly WECHAT_PAY_SERIAL: string
  readonly WECHAT_PAY_API_V3_KEY: string
  readonly WECHAT_PAY_PUBLIC_KEY_ID: string
  readonly WECHAT_PAY_PUBLIC_KEY: string
  readonly WECHAT_PAY_CERTIFICATES: string
  readonly WECHAT_PAY_BASE_URL: string
}

export type Merchant = { readonly mchId: string; readonly pay: WeChatPay; close(): Promise<void> }

const REAL_HOST = 'https://api.mch.weixin.qq.com'
/** In another city. */
const BACKUP_HOST = 'https://api2.mch.weixin.qq.com'
const REFRESH_EVERY_MS = 12 * 3_600_000
const RETRY_AFTER_MS = 60_000

/** Undefined without a merchant. @throws {AppError} `wechat_not_configured` if a setting cannot be used */
export function openMerchant(
  settings: MerchantSettings,
  { log, now }: { log: Log; now: () => number },
): Merchant | undefined {
  const mchId = settings.WECHAT_PAY_MCH_ID
  if (!mchId) return undefined
  const baseUrl = settings.WECHAT_PAY_BASE_URL
  const certificates = pemOf('WECHAT_PAY_CERTIFICATES', settings.WECHAT_PAY_CERTIFICATES)
  const publicKeyId = settings.WECHAT_PAY_PUBLIC_KEY_ID
  const pay = openWeChatPay({
    baseUrl,
    ...(baseUrl === REAL_HOST && { backupUrl: BACKUP_HOST }),
    appId: settings.WECHAT_APP_ID,
    mchId,
    merchantPrivateKey: pemOf('WECHAT_PAY_PRIVATE_KEY', settings.WECHAT_PAY_PRIVATE_KEY),
    merchantSerial: settings.WECHAT_PAY_SERIAL,
    apiV3Key: settings.WECHAT_PAY_API_V3_KEY,
    ...(publicKeyId && { publicKeyId, publicKey: pemOf('WECHAT_PAY_PUBLIC_KEY', settings.WECHAT_PAY_PUBLIC_KEY) }),
    certificates: certificates.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [],
    log,
    now,
  })
  const stopRefreshing = keepCertificatesFresh(pay, publicKeyId !== '', log)
  return {
    mchId,
    pay,
    async close() {
      stopRefreshing()
      await pay.close()
    },
  }
}

/**
 * Certificates are replaced every few years, the new one appearing before the old one ends. A merchant with WeChat Pay's
 * public key has none, except while changing from one to the other.
 */
function keepCertificatesFresh(pay: WeChatPay, hasPublicKey: boolean, log: Log): () => void {
  let timer: NodeJS.Timeout | undefined
  let isClosed = false
  const refresh = async () => {
    const pauseMs = await pay.refreshCertificates().then(
      () => REFRESH_EVERY_MS,
      (err: unknown) => {
        if (hasPublicKey) return REFRESH_EVERY_MS
        log.warn({ err, retryInMs: RETRY_AFTER_MS }, "WeChat Pay's certificates could not be fetched")
        return RETRY_AFTER_MS
      },
    )
    if (isClosed) return
    timer = setTimeout(() => void refresh(), pauseMs)
    timer.unref()
  }
  void refresh()
  return () => {
    isClosed = true
    clearTimeout(timer)
  }
}

/** A PEM itself, with \n for its line ends where a setting must be one line, or the file that holds it. */
function pemOf(name: string, value: string): string {
  if (value === '' || value.includes('-----BEGIN')) return value.replaceAll('\\n', '\n')
  try {
    return readFileSync(value, 'utf8')
  } catch (cause) {
    throw new AppError('wechat_not_configured', `${name}: the file ${value} cannot be read.`, { cause })
  }
}
