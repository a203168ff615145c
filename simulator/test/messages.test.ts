import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { startSimulator } from './start-simulator.ts'

const SEND = '/cgi-bin/message/subscribe/send'
const TEMPLATE = { id: 'T'.repeat(43), title: 'Booked', keys: ['thing1', 'time2'] }
const LONG_TERM = { id: 'L'.repeat(43), title: 'Bus is late', keys: ['thing1'], isLongTerm: true }

describe('subscribe messages', () => {
  let world: Awaited<ReturnType<typeof startSimulator>>
  let openid: string
  beforeEach(async () => {
    world = await startSimulator({ templates: [TEMPLATE, LONG_TERM], pages: ['pages/index/index'] })
    openid = world.simulator.openidOf('alice')
  })
  afterEach(() => world.simulator.close())

  const message = (more: Record<string, unknown> = {}) => ({
    touser: openid,
    template_id: TEMPLATE.id,
    data: { thing1: { value: 'Haircut' }, time2: { value: '15:01' } },
    ...more,
  })

  it('arrive once per tap on "allow", and taps add up', async () => {
    assert.equal((await world.api(SEND, message()))['errcode'], 43101)
    world.simulator.grant('alice', TEMPLATE.id)
    await world.call('POST', `/simulator/subscribe?user=alice&template=${TEMPLATE.id}`)
    assert.equal(world.simulator.grantsLeft('alice', TEMPLATE.id), 2)
    assert.equal((await world.api(SEND, message()))['errcode'], 0)
    assert.equal((await world.api(SEND, message()))['errcode'], 0)
    assert.equal((await world.api(SEND, message()))['errcode'], 43101)
  })

  it('cost no grant when they are refused for another reason', async () => {
    world.simulator.grant('alice', TEMPLATE.id)
    const long = { thing1: { value: 'x'.repeat(21) }, time2: { value: '15:01' } }
    const refusal = await world.api(SEND, message({ data: long }))
    assert.equal(refusal['errcode'], 47003)
    assert.match(String(refusal['errmsg']), /^argument invalid! data\.thing1\.value invalid rid: /)
    assert.equal((await world.api(SEND, message({ data: { thing1: { value: 'x' } } })))['errcode'], 47003)
    assert.equal((await world.api(SEND, message({ touser: 'nobody' })))['errcode'], 40003)
    assert.equal((await world.api(SEND, message({ template_id: 'X'.repeat(43) })))['errcode'], 40037)
    assert.equal((await world.api(SEND, message({ page: 'pages/gone/gone?id=1' })))['errcode'], 41030)
    assert.equal((await world.api(SEND, message({ page: 'pages/index/index?id=1' })))['errcode'], 0)
  })

  it('need no grant when the template is long-term', async () => {
    const { id } = LONG_TERM
    const data = { thing1: { value: 'Line 5' } }
    for (let at = 0; at < 3; at++) {
      assert.equal((await world.api(SEND, message({ template_id: id, data })))['errcode'], 0)
    }
  })

  it('are checked value by value', async () => {
    // biome-ignore format: a table keeps its columns
    const values: [key: string, good: string[], bad: string[]][] = [
      ['thing1',            ['二十个字以内', 'x'.repeat(20), '😀'.repeat(20)],        ['x'.repeat(21), 'two\nlines', '']],
      ['number1',           ['0', '12.5', '9'.repeat(32)],                            ['9'.repeat(33), '-1', '1e3', '1,000']],
      ['letter1',           ['abcXYZ'],                                               ['abc1', 'x'.repeat(33)]],
      ['symbol1',           ['#@!'],                                                  ['a', '######']],
      ['character_string1', ['A-2026_11/22'],                                         ['订单1', 'x'.repeat(33)]],
      ['time1',             ['15:01', '2026年11月22日 15:01', '15:01~16:01'],         ['noon', '2026年11月22日']],
      ['date1',             ['2026年11月22日', '2026-11-22', '2026-11-22 15:01:00'],  ['tomorrow', '15:01']],
      ['amount1',           ['¥12.50', '12.5元', '100'],                              ['12.5 CNY', '12345678901']],
      ['phone_number1',     ['+86-0766-66888866'],                                    ['x', '1'.repeat(18)]],
      ['car_number1',       ['粤A8Z888挂'],                                           ['粤A8Z888挂挂挂']],
      ['name1',             ['张三', 'Zhang San'],                                    ['一二三四五六七八九十一', 'x'.repeat(21), 'R2D2']],
      ['phrase1',           ['配送中'],                                               ['正在努力配送中', 'sent']],
      ['nonsense1',         [],                                                       ['x']],
    ]
    await world.simulator.close()
    world = await startSimulator()
    const template = 'A'.repeat(43)
    for (const [key, good, bad] of values) {
      for (const value of [...good, ...bad]) {
        world.simulator.grant('alice', template)
        const answer = await world.api(SEND, message({ template_id: template, data: { [key]: { value } } }))
        assert.equal(answer['errcode'], good.includes(value) ? 0 : 47003, `${key}: ${value}`)
      }
    }
  })

  it('take templates from the library and forget them again, 25 at most', async () => {
    const library = await world.api('/wxaapi/newtmpl/getpubtemplatetitles?ids=616&start=0&limit=30')
    const { tid } = (library['data'] as { tid: number }[])[0] ?? { tid: 0 }
    const keywords = await world.api(`/wxaapi/newtmpl/getpubtemplatekeywords?tid=${tid}`)
    assert.equal((keywords['data'] as unknown[]).length, 5)
    const added = await world.api('/wxaapi/newtmpl/addtemplate', { tid, kidList: [2, 1], sceneDesc: 'x' })
    const { data } = (await world.api('/wxaapi/newtmpl/gettemplate')) as {
      data?: { priTmplId: string; type: number }[]
    }
    assert.deepEqual(
      data?.map((template) => template.type),
      [2, 3, 2],
    )
    assert.equal(data?.[2]?.priTmplId, added['priTmplId'])
    assert.equal((await world.api('/wxaapi/newtmpl/addtemplate', { tid, kidList: [1] }))['errcode'], 47001)
    for (let at = 3; at < 25; at++) await world.api('/wxaapi/newtmpl/addtemplate', { tid, kidList: [1, 2] })
    assert.equal((await world.api('/wxaapi/newtmpl/addtemplate', { tid, kidList: [1, 2] }))['errcode'], 200014)
    assert.equal((await world.api('/wxaapi/newtmpl/deltemplate', { priTmplId: added['priTmplId'] }))['errcode'], 0)
    assert.equal((await world.api('/wxaapi/newtmpl/deltemplate', { priTmplId: added['priTmplId'] }))['errcode'], 40037)
  })
})

describe('customer service messages', () => {
  it('answer a user five times within 48 hours of what they wrote', async () => {
    const world = await startSimulator()
    const openid = world.simulator.openidOf('alice')
    const reply = async () =>
      (await world.api('/cgi-bin/message/custom/send', { touser: openid, msgtype: 'text', text: { content: 'hi' } }))[
        'errcode'
      ]
    assert.equal(await reply(), 45015)
    await world.call('POST', '/simulator/talk?user=alice')
    for (let at = 0; at < 5; at++) assert.equal(await reply(), 0)
    assert.equal(await reply(), 45047)
    await world.call('POST', '/simulator/talk?user=alice')
    world.advance(48 * 3_600_000)
    assert.equal(await reply(), 45015)
    const dead = await world.api('/cgi-bin/message/wxopen/template/send', { touser: openid })
    assert.equal(dead['errcode'], 48001)
    await world.simulator.close()
  })
})
