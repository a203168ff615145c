/**
 * A phone without a screen: WeChat's `wx` in Node, over real HTTP and real files.
 *
 * It keeps to what programs can tell apart: every status is a `success`, at most ten requests run at once, uploads are
 * multipart, callbacks come later and never throw back. Windows such as `wx.showModal` are answered by `answers`.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { openPhoneNetwork } from './phone-network.ts'

export type Callbacks = {
  success?: (result: never) => void
  fail?: (failure: { errMsg: string }) => void
  complete?: (outcome: never) => void
}
// biome-ignore lint/suspicious/noExplicitAny: a stand-in for WeChat's whole API, which programs use without types
export type Wx = Record<string, any>

export type PhoneCall = { readonly name: string; readonly options: Record<string, unknown> }

export type Phone = {
  readonly wx: Wx
  /** What the program showed and where it went: `showToast`, `navigateTo`, `showModal`…, in order. */
  readonly shown: PhoneCall[]
  /** The phone's storage, as the program sees it. */
  readonly storage: Map<string, unknown>
  /** A file on the phone, as `wx.chooseMedia` would return it. */
  addFile(name: string, content: Uint8Array | string): string
  /** What `wx.chooseMedia` and `wx.chooseImage` pick next. */
  pick(...filePaths: string[]): void
  /** Cuts the phone off, or connects it again. */
  setOnline(isOnline: boolean): void
  /** Ends every WebSocket, as a phone does that changes its network. */
  dropSockets(): void
  /** Waits until no request runs and nothing else is about to happen. */
  settle(): Promise<void>
  close(): void
}

export type PhoneOptions = {
  /** What `wx.login()` returns: a code of the simulator for this phone's user. */
  loginCode: () => string
  appId?: string
  /** Answers of windows by the name of the call, such as `{ showModal: { confirm: true } }`. */
  answers?: Record<string, object>
}

/** Calls that only show something or go somewhere: recorded, and successful. */
const SHOWN =
  'showToast hideToast showLoading hideLoading showModal showActionSheet navigateTo redirectTo switchTab reLaunch ' +
  'navigateBack setNavigationBarTitle stopPullDownRefresh startPullDownRefresh previewImage setClipboardData ' +
  'requestSubscribeMessage vibrateShort pageScrollTo setTabBarBadge removeTabBarBadge showTabBarRedDot authorize ' +
  'hideTabBarRedDot showShareMenu hideShareMenu setNavigationBarColor makePhoneCall openLocation requestPayment'

export function createPhone({ loginCode, appId = 'wx0123456789abcdef', answers = {} }: PhoneOptions): Phone {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'sampan-phone-'))
  const shown: PhoneCall[] = []
  const storage = new Map<string, unknown>()
  let picked: string[] = []

  const network = openPhoneNetwork(folder)
  const answer = (name: string) => answers[name] ?? (name === 'showModal' ? { confirm: true, cancel: false } : {})

  const wx: Wx = {
    ...network.api,
    ...storageApi(storage),
    env: { USER_DATA_PATH: folder },
    login: withCallbacks('login', async () => ({ code: loginCode() })),
    checkSession: withCallbacks('checkSession', async () => ({})),
    getAccountInfoSync: () => ({ miniProgram: { appId, envVersion: 'develop', version: '' } }),
    getAppBaseInfo: () => ({ language: 'zh_CN', SDKVersion: '3.7.0' }),
    getSystemInfoSync: systemInfo,
    getWindowInfo: systemInfo,
    getSystemInfo: withCallbacks('getSystemInfo', async () => systemInfo()),
    getSetting: withCallbacks('getSetting', async () => ({ authSetting: {} })),
    getUserInfo: withCallbacks('getUserInfo', async () => ({ userInfo: USER_INFO })),
    getUserProfile: withCallbacks('getUserProfile', async () => ({ userInfo: USER_INFO })),
    getUpdateManager: () => ({ onCheckForUpdate() {}, onUpdateReady() {}, onUpdateFailed() {}, applyUpdate() {} }),
    getLaunchOptionsSync: () => ({ path: '', query: {}, scene: 1001 }),
    getMenuButtonBoundingClientRect: () => ({ top: 24, height: 32, width: 87, left: 278, right: 365, bottom: 56 }),
    canIUse: () => true,
    nextTick: (callback: () => void) => setImmediate(callback),
    chooseMedia: withCallbacks('chooseMedia', async () => ({
      tempFiles: picked.map((tempFilePath) => ({
        tempFilePath,
        size: readFileSync(tempFilePath).length,
        fileType: 'image',
      })),
    })),
    chooseImage: withCallbacks('chooseImage', async () => ({
      tempFilePaths: picked,
      tempFiles: picked.map((path) => ({ path })),
    })),
    compressImage: withCallbacks('compressImage', async ({ src }) => ({ tempFilePath: src })),
    getFileSystemManager: () => ({
      writeFileSync: (filePath: string, data: string | ArrayBuffer) =>
        writeFileSync(filePath, typeof data === 'string' ? data : new Uint8Array(data)),
      writeFile: withCallbacks('writeFile', async ({ filePath, data }) => {
        await writeFile(String(filePath), typeof data === 'string' ? data : new Uint8Array(data as ArrayBuffer))
        return {}
      }),
      readFileSync: (filePath: string, encoding?: string) => {
        const bytes = readFileSync(filePath)
        return encoding ? bytes.toString(encoding as BufferEncoding) : bytes // WeChat knows the same names
      },
    }),
  }
  for (const name of SHOWN.split(' ')) {
    wx[name] = withCallbacks(name, async (options) => {
      shown.push({ name, options })
      return answer(name)
    })
  }

  return {
    wx: withStubs(wx, shown),
    shown,
    storage,
    addFile(name, content) {
      const filePath = path.join(folder, name)
      writeFileSync(filePath, content)
      return filePath
    },
    pick(...filePaths) {
      picked = filePaths
    },
    setOnline: network.setOnline,
    dropSockets: network.dropSockets,
    settle: network.settle,
    close() {
      network.dropSockets()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/**
 * Everything else of WeChat's API succeeds and does nothing, so that a program can be run that uses it. What a program
 * defines itself, such as `wx.cloud`, stays undefined until then.
 */
function withStubs(wx: Wx, shown: PhoneCall[]): Wx {
  return new Proxy(wx, {
    get(target, name) {
      if (typeof name === 'symbol' || name in target || name === 'cloud' || name === 'then')
        return Reflect.get(target, name)
      if (/^(on|off)[A-Z]/.test(name)) return () => {}
      if (/^(create|get).*(Context|Manager|Observer|Query|Animation|Ad)$/.test(name)) return () => createNothing()
      if (name.endsWith('Sync')) return () => ({})
      return withCallbacks(name, async (options) => {
        shown.push({ name, options })
        return {}
      })
    },
  })
}

/** An object of which every method can be called, in chains. */
function createNothing(): object {
  const nothing: object = new Proxy(() => nothing, { get: (_, name) => (name === 'then' ? undefined : nothing) })
  return nothing
}

const USER_INFO = {
  nickName: '微信用户',
  gender: 0,
  avatarUrl: '',
  city: '',
  province: '',
  country: '',
  language: 'zh_CN',
}

const systemInfo = () => ({
  brand: 'devtools',
  model: 'iPhone 15',
  platform: 'devtools',
  system: 'iOS 18.0',
  SDKVersion: '3.7.0',
  language: 'zh_CN',
  pixelRatio: 3,
  screenWidth: 375,
  screenHeight: 812,
  windowWidth: 375,
  windowHeight: 724,
  statusBarHeight: 44,
  safeArea: { top: 44, bottom: 778, left: 0, right: 375, width: 375, height: 734 },
})

// biome-ignore lint/suspicious/noExplicitAny: options of any of WeChat's calls
type Work = (options: any) => Promise<object>

/** WeChat's calling convention: callbacks if there are any, otherwise a promise; the answer comes later either way. */
export function withCallbacks(name: string, work: Work) {
  return (options: Record<string, unknown> & Callbacks = {}): Promise<object> | undefined => {
    const outcome = work(options).then(
      (result) => ({ errMsg: `${name}:ok`, ...result }),
      (error: Error) => Promise.reject({ errMsg: `${name}:fail ${error.message}` }),
    )
    const { success, fail, complete } = options
    if (!success && !fail && !complete) return outcome
    outcome.then(
      (result) => {
        success?.(result as never)
        complete?.(result as never)
      },
      (failure) => {
        fail?.(failure)
        complete?.(failure as never)
      },
    )
    return undefined
  }
}

function storageApi(storage: Map<string, unknown>): Wx {
  const get = (key: string) => storage.get(key) ?? ''
  // Values are copied, as between the program and the phone.
  const set = (key: string, value: unknown) => void storage.set(key, JSON.parse(JSON.stringify(value)))
  return {
    getStorageSync: get,
    setStorageSync: set,
    removeStorageSync: (key: string) => void storage.delete(key),
    clearStorageSync: () => storage.clear(),
    getStorageInfoSync: () => ({ keys: [...storage.keys()], currentSize: 1, limitSize: 10_240 }),
    getStorage: withCallbacks('getStorage', async ({ key }) => {
      if (!storage.has(String(key))) throw new Error('data not found')
      return { data: get(String(key)) }
    }),
    setStorage: withCallbacks('setStorage', async ({ key, data }) => {
      set(String(key), data)
      return {}
    }),
    removeStorage: withCallbacks('removeStorage', async ({ key }) => {
      storage.delete(String(key))
      return {}
    }),
  }
}
