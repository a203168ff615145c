/** The built client inside frameworks that wrap `wx`, in a JavaScript realm of its own, against the real server. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import vm from 'node:vm'
import { bundleClient } from '../build.ts'
import { startTestCloud, type TestCloud } from './test-cloud.ts'

/** What Taro and uni-app do at start: copy what `wx` offers, once. */
const FRAMEWORK = `
  function wrap(native) {
    const api = {}
    for (const name of ['request', 'login', 'uploadFile', 'downloadFile', 'getStorageSync', 'setStorageSync']) {
      api[name] = (...args) => native[name](...args)
    }
    api.cloud = native.cloud
    return api
  }
`

describe('the built client inside frameworks', () => {
  let test: TestCloud
  let client: string
  before(async () => {
    test = await startTestCloud()
    client = `(function () { const module = { exports: {} }; ${await bundleClient()}\n return module.exports })()`
  })
  after(() => test.close())

  /** Runs the program's code with the phone's `wx`, away from this realm's Date, Array and Error. */
  const run = (user: string, program: string): Promise<string> => {
    const { phone } = test.start(user)
    const context = vm.createContext({ wx: phone.wx, url: test.network.url, setTimeout, console })
    return vm.runInContext(
      `${FRAMEWORK} const sampan = ${client}; (async () => JSON.stringify(await (async () => { ${program} })()))()`,
      context,
    )
  }

  it('serves Taro.cloud, if installed before Taro starts', async () => {
    const found = await run(
      'anna',
      `sampan.install(wx, { url })
       const Taro = wrap(wx)
       const notes = Taro.cloud.database().collection('notes')
       await notes.add({ data: { _id: 'taro', at: new Date(0), tags: ['a'], re: /x/i } })
       const { data } = await notes.doc('taro').get()
       return [data.at.getTime(), data.tags, data.re.source]`,
    )
    assert.deepEqual(JSON.parse(found), [0, ['a'], 'x'])
  })

  it('works on uni or Taro itself, where there is no global wx', async () => {
    const found = await run(
      'ben',
      `const uni = wrap(wx)
       const cloud = sampan.createCloud({ wx: uni, url })
       const { total } = await cloud.database().collection('notes').where({ n: 1 }).count()
       const error = await cloud.callFunction({ name: 'none' }).catch((error) => error)
       return [total, error.errCode, error.errMsg.slice(0, 32)]`,
    )
    assert.deepEqual(JSON.parse(found), [0, -501000, 'cloud.callFunction:fail Error: e'])
  })

  it('is require(“sampan”) itself', async () => {
    const found = await run(
      'carl',
      `const cloud = sampan
       cloud.init({ env: 'prod', url })
       return (await cloud.callContainer({ path: '/v1/me' })).statusCode`,
    )
    assert.equal(JSON.parse(found), 200)
  })
})
