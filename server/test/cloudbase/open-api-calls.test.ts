/** Every API of the simulator, called from a function by its name in `cloud.openapi`: real SDK, real server. */
import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { rmSync } from 'node:fs'
import { after, before, describe, it } from 'node:test'
import { writeProject } from '../functions/function-project.ts'
import { startTestServer, type TestServer } from '../support/test-server.ts'

/** Calls one API; bytes cross the wire as base64. */
const RUNNER = `
  const cloud = require('wx-server-sdk')
  cloud.init()
  exports.main = async ({ name, data = {}, file, api = 'openapi' }) => {
    try {
      if (api !== 'openapi') return await cloud[api](data)
      if (file) data[file.key] = { contentType: file.contentType, value: Buffer.from(file.base64, 'base64') }
      const call = name.split('.').reduce((place, part) => place[part], cloud.openapi)
      const answer = await call(data)
      if (answer.buffer) return { ...answer, buffer: answer.buffer.toString('base64') }
      return answer
    } catch (error) {
      return { errCode: error.errCode, errMsg: error.errMsg }
    }
  }`

const TEMPLATE = 'T'.repeat(43)
const PNG = { contentType: 'image/png', base64: Buffer.from('89504e470d0a1a0a', 'hex').toString('base64') }

/** Parameters in the camelCase that functions write, and a fact of WeChat's answer. */
type Row = [name: string, data: Record<string, unknown>, expected: (answer: Answer) => unknown, file?: object]
// biome-ignore lint/suspicious/noExplicitAny: each API answers another shape
type Answer = any

for (const sdk of ['real', 'light'] as const) {
  describe(`cloud.openapi, through the ${sdk} wx-server-sdk`, () => {
    let server: TestServer
    let functionsRoot: string
    let alice: { token: string; openId: string }

    before(async () => {
      const config = JSON.stringify({ sampan: { lightSdk: sdk === 'light' } })
      functionsRoot = writeProject({ 'call/index.js': RUNNER, 'call/config.json': config })
      server = await startTestServer({ project: { functionsRoot } })
      alice = await server.logIn('alice')
      server.simulator.grant('alice', TEMPLATE)
      await fetch(`${server.simulator.url}/simulator/talk?user=alice`, { method: 'POST' })
    })
    after(async () => {
      await server.close()
      rmSync(functionsRoot, { recursive: true, force: true })
    })

    const call = async (data: object): Promise<Answer> => {
      const { body } = await server.post('/v1/functions/call', { data }, alice.token)
      assert.ok(body.result, JSON.stringify(body))
      return body.result
    }

    it('carries every API that the simulator answers', async () => {
      const { openId } = alice
      const touser = openId
      const page = 'pages/index/index'
      const signature = createHmac('sha256', server.simulator.sessionKeyOf('alice') ?? '')
        .update('')
        .digest('hex')
      const signed = { openid: openId, signature, sigMethod: 'hmac_sha256' }
      const written = { openid: openId, scene: 1, version: 2 }
      const isLink = (pattern: RegExp) => (text: unknown) => pattern.test(String(text))
      const scheme = (await call({ name: 'urlscheme.generate', data: { jumpWxa: { path: page } } })).openlink
      const urlLink = (await call({ name: 'urllink.generate', data: { path: page } })).urlLink
      const added = await call({ name: 'subscribeMessage.addTemplate', data: { tid: 99, kidList: [1, 2] } })
      const kept = await call({
        name: 'customerServiceMessage.uploadTempMedia',
        data: { type: 'image' },
        file: { key: 'media', ...PNG },
      })

      // biome-ignore format: a table keeps its columns
      const rows: Row[] = [
        ['subscribeMessage.send', { touser, templateId: TEMPLATE, page, data: { thing1: { value: '理发' } } }, ({ msgid }) => msgid > 0],
        ['subscribeMessage.getTemplateList', {}, ({ data }) => data[0].priTmplId === added.priTmplId],
        ['subscribeMessage.getCategory', {}, ({ data }) => data[0].id],
        ['subscribeMessage.getPubTemplateTitleList', { ids: '616', start: 0, limit: 5 }, ({ count }) => count > 0],
        ['subscribeMessage.getPubTemplateKeyWordsById', { tid: '99' }, ({ data }) => data[0].kid === 1],
        ['subscribeMessage.deleteTemplate', { priTmplId: added.priTmplId }, () => true],
        ['customerServiceMessage.send', { touser, msgtype: 'text', text: { content: '好' } }, () => true],
        ['customerServiceMessage.setTyping', { touser, command: 'Typing' }, () => true],
        ['customerServiceMessage.getTempMedia', { mediaId: kept.mediaId }, ({ buffer }) => buffer === PNG.base64],
        ['uniformMessage.send', { touser, mpTemplateMsg: { appid: 'wx', templateId: 'x', data: {} } }, () => true],
        ['wxacode.get', { path: page }, ({ buffer, contentType }) => contentType === 'image/png' && buffer.length > 50],
        ['wxacode.getUnlimited', { scene: 'a=1' }, ({ buffer }) => buffer.length > 50],
        ['wxacode.createQRCode', { path: page }, ({ buffer }) => buffer.length > 50],
        ['urlscheme.query', { scheme }, ({ schemeInfo }) => schemeInfo.path === page],
        ['urllink.query', { urlLink }, ({ urlLinkInfo }) => urlLinkInfo.path === page],
        ['shortlink.generate', { pageUrl: page }, ({ link }) => isLink(/^#/)(link)],
        ['security.msgSecCheck', { ...written, content: 'hello' }, ({ result }) => result.suggest === 'pass'],
        ['security.mediaCheckAsync', { ...written, mediaUrl: 'https://a.example/1.png', mediaType: 2 }, ({ traceId }) => traceId],
        ['security.imgSecCheck', {}, () => true, { key: 'media', ...PNG }],
        ['phonenumber.getPhoneNumber', { code: server.simulator.phoneCode('alice') }, ({ phoneInfo }) => isLink(/^1\d{10}$/)(phoneInfo.phoneNumber)],
        ['auth.checkSessionKey', signed, () => true],
        ['auth.getPaidUnionId', { openid: openId }, ({ unionid }) => unionid],
        ['auth.checkEncryptedData', { encryptedMsgHash: 'a'.repeat(64) }, ({ vaild }) => vaild === true],
        ['cloudbase.getVoIPSign', { groupId: 'g', nonce: 'n', timestamp: 1 }, ({ signature: made }) => made],
        ['auth.resetUserSessionKey', signed, ({ sessionKey }) => sessionKey],
      ]
      for (const [name, data, expected, file] of rows) {
        const answer = await call({ name, data, file })
        const about = `${name}: ${JSON.stringify(answer)}`
        assert.deepEqual([answer.errCode, answer.errMsg], [0, `openapi.${name}:ok`], about)
        assert.ok(expected(answer), about)
      }
      assert.ok(isLink(/^weixin:/)(scheme) && isLink(/^https:/)(urlLink) && added.priTmplId && kept.mediaId)
      assert.ok(rows.length + 4 >= 25)
    })

    it('throws WeChat’s own code for what WeChat refuses, such as template messages', async () => {
      const refused = await call({ name: 'templateMessage.send', data: { touser: alice.openId } })
      assert.equal(refused.errCode, 48001)
      assert.match(refused.errMsg, /openapi\.templateMessage\.send:fail/)
    })

    it('signs voice rooms with the user’s session_key', async () => {
      const made = await call({ api: 'getVoIPSign', data: { groupId: 'room', nonce: 'n', timestamp: 7 } })
      const text = ['wx0123456789abcdef', 'room', 'n', '7'].sort().join('')
      // The latest log-in's: the one before it does not change what this user has here.
      assert.match(made.signature, /^[0-9a-f]{64}$/)
      assert.equal(made.errMsg, 'getVoIPSign:ok')
      const again = await server.logIn('alice')
      const key = server.simulator.sessionKeyOf('alice') ?? ''
      const { body } = await server.post(
        '/v1/functions/call',
        { data: { api: 'getVoIPSign', data: { groupId: 'room', nonce: 'n', timestamp: 7 } } },
        again.token,
      )
      assert.equal(body.result.signature, createHmac('sha256', key).update(text).digest('hex'))
    })
  })
}
