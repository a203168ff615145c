import type { Weixin } from './weixin.ts'

export type PhoneStorage = { read(): unknown; write(value: unknown): void }

/** One entry of the phone's storage. Storage may be full, refused or missing: then nothing is remembered. */
export function openPhoneStorage(wx: Weixin, key: () => string): PhoneStorage {
  return {
    read() {
      try {
        return wx.getStorageSync(key())
      } catch {
        return undefined
      }
    },
    write(value) {
      try {
        wx.setStorageSync(key(), value)
      } catch {
        // see above
      }
    },
  }
}
