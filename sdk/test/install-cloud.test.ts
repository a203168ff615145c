import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createCloud } from '../src/cloud.ts'
import { installCloud } from '../src/install-cloud.ts'

describe('replacing wx.cloud', () => {
  const cloud = createCloud({ url: 'http://127.0.0.1:1' })
  const native = () => ({ callFunction: () => 'native', init: () => 'native' })

  it('puts the client where there was none, as with an old base library', () => {
    const wx: { cloud?: unknown } = {}
    assert.equal(installCloud(wx, cloud), true)
    assert.equal(wx.cloud, cloud)
  })

  it('replaces a property that may be redefined', () => {
    const wx = Object.defineProperty({}, 'cloud', { value: native(), configurable: true, writable: false })
    assert.equal(installCloud(wx, cloud), true)
  })

  it('assigns where only that is allowed', () => {
    let value: unknown = native()
    const wx = new Proxy({} as { cloud?: unknown }, {
      defineProperty: () => false,
      get: (_, name) => (name === 'cloud' ? value : undefined),
      set: (_, name, next) => {
        if (name === 'cloud') value = next
        return true
      },
    })
    assert.equal(installCloud(wx, cloud), true)
  })

  it('replaces the members where wx itself cannot be changed', () => {
    const wx = Object.freeze({ cloud: native() })
    assert.equal(installCloud(wx, cloud), true)
    assert.equal(wx.cloud.callFunction, cloud.callFunction as unknown)
  })

  it('admits it where nothing can be changed', () => {
    assert.equal(installCloud(Object.freeze({ cloud: Object.freeze(native()) }), cloud), false)
  })

  it('serves wrappers that captured wx.cloud after it, as Taro does', () => {
    const wx: { cloud?: unknown } = { cloud: native() }
    installCloud(wx, cloud)
    const Taro: { cloud: unknown } = { cloud: wx.cloud } // what Taro's initNativeApi does
    assert.equal(Taro.cloud, cloud)
  })
})
