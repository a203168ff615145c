import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { inflateSync } from 'node:zlib'
import { startSimulator } from './start-simulator.ts'

describe('content security', () => {
  let world: Awaited<ReturnType<typeof startSimulator>>
  before(async () => {
    world = await startSimulator({ riskyWords: ['赌博'], quotas: { mediaCheckMinute: 4 } })
  })
  after(() => world.simulator.close())

  const check = async (more: Record<string, unknown>) => {
    const base = { version: 2, openid: world.simulator.openidOf('alice'), scene: 2, content: 'fine' }
    return world.api('/wxa/msg_sec_check', { ...base, ...more })
  }

  it('passes, doubts and refuses by its word list', async () => {
    await world.login('sim:alice:1')
    const verdict = async (content: string) => (await check({ content }))['result']
    assert.deepEqual(await verdict('很好'), { suggest: 'pass', label: 100 })
    assert.deepEqual(await verdict('加微信 123'), { suggest: 'review', label: 21000 })
    assert.deepEqual(await verdict('来赌博'), { suggest: 'risky', label: 21000 })
    const answer = await check({ nickname: '赌博' })
    assert.equal((answer['result'] as { suggest: string }).suggest, 'risky')
    assert.match(String(answer['trace_id']), /^[0-9a-f-]{26}$/)
  })

  it('names what is wrong: author, visit, scene, length', async () => {
    assert.equal((await check({ openid: 'nobody' }))['errcode'], 40003)
    assert.equal((await check({ scene: 9 }))['errcode'], 40129)
    assert.equal((await check({ content: 'x'.repeat(2501) }))['errcode'], 40097)
    world.advance(2 * 3_600_000 + 1)
    assert.equal((await check({}))['errcode'], 61010)
    await world.login('sim:alice:2')
    assert.equal((await check({}))['errcode'], 0)
  })

  it('takes an address for a later verdict, up to the quota of the minute', async () => {
    const openid = world.simulator.openidOf('alice')
    const ask = () =>
      world.api('/wxa/media_check_async', { media_url: 'https://a/b.png', media_type: 2, version: 2, openid, scene: 1 })
    for (let at = 0; at < 4; at++) assert.ok((await ask())['trace_id'])
    assert.equal((await ask())['errcode'], 45009)
    world.advance(60_000)
    assert.ok((await ask())['trace_id'])
  })
})

describe('codes and links', () => {
  let world: Awaited<ReturnType<typeof startSimulator>>
  before(async () => {
    world = await startSimulator({ pages: ['pages/index/index'], quotas: { limitedCodeImages: 2 } })
  })
  after(() => world.simulator.close())

  const draw = async (body: unknown, path = '/wxa/getwxacodeunlimit') => {
    const { access_token: token } = await world.stableToken()
    return world.call('POST', `${path}?access_token=${token}`, body)
  }

  it('draws a PNG that decoders accept, the same one for the same scene', async () => {
    const { bytes, contentType } = await draw({ scene: 'id=1', page: 'pages/index/index', width: 280 })
    assert.equal(contentType, 'image/png')
    assert.equal(bytes.subarray(1, 4).toString(), 'PNG')
    assert.deepEqual([bytes.readUInt32BE(16), bytes.readUInt32BE(20)], [280, 280])
    const dataAt = bytes.indexOf('IDAT')
    const pixels = inflateSync(bytes.subarray(dataAt + 4, dataAt + 4 + bytes.readUInt32BE(dataAt - 4)))
    assert.equal(pixels.length, 280 * 281)
    assert.ok((await draw({ scene: 'id=1', page: 'pages/index/index', width: 280 })).bytes.equals(bytes))
    assert.ok(!(await draw({ scene: 'id=2', page: 'pages/index/index', width: 280 })).bytes.equals(bytes))
  })

  it('answers JSON when it refuses: scene, page, width, quota', async () => {
    const refusal = async (body: unknown, path?: string) => (await draw(body, path)).json['errcode']
    assert.equal(await refusal({ scene: '中文' }), 40129)
    assert.equal(await refusal({ scene: 'x'.repeat(33) }), 40129)
    assert.equal(await refusal({ scene: 'a', page: 'pages/gone/gone' }), 41030)
    assert.equal(await refusal({ scene: 'a', page: '/pages/index/index' }), 41030)
    assert.equal(await refusal({ scene: 'a', page: 'pages/gone/gone', check_path: false }), undefined)
    assert.equal(await refusal({ scene: 'a', width: 279 }), 40097)
    assert.equal(await refusal({ path: 'a' }, '/wxa/getwxacode'), undefined)
    assert.equal(await refusal({ path: 'a' }, '/cgi-bin/wxaapp/createwxaqrcode'), undefined)
    assert.equal(await refusal({ path: 'a' }, '/wxa/getwxacode'), 45029)
  })

  it('makes links that end within 30 days', async () => {
    const made = await world.api('/wxa/generate_urllink', {
      path: '/pages/index/index',
      query: 'a=1',
      expire_type: 1,
      expire_interval: 30,
    })
    const known = await world.api('/wxa/query_urllink', { url_link: made['url_link'] })
    assert.equal((known['url_link_info'] as { query: string }).query, 'a=1')
    assert.equal((await world.api('/wxa/generate_urllink', { expire_type: 1, expire_interval: 31 }))['errcode'], 40097)
    assert.match(
      String((await world.api('/wxa/generatescheme', { jump_wxa: { path: '/pages/index/index' } }))['openlink']),
      /^weixin:/,
    )
    assert.equal((await world.api('/wxa/query_urllink', { url_link: 'https://wxaurl.cn/x' }))['errcode'], 40097)
  })
})
