/** The example's own page code, run without a screen against the real server and WeChat's simulator. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import { type MiniProgram, openMiniProgram } from '../../../sdk/test/headless/mini-program.ts'
import { createPhone, type Phone } from '../../../sdk/test/headless/phone.ts'
import { startTestServer, type TestServer } from '../../../server/test/support/test-server.ts'
import config from '../sampan.config.ts'

const ROOT = path.resolve(import.meta.dirname, '../miniprogram')
const FUNCTIONS = path.resolve(import.meta.dirname, '../cloudfunctions')
const JPEG = Buffer.from('ffd8ffe000104a46494600010100000100010000ffd9', 'hex')

type Person = { phone: Phone; program: MiniProgram }

describe('booking example', () => {
  let server: TestServer
  const opened: MiniProgram[] = []

  before(async () => {
    server = await startTestServer({
      // `sampan dev` checks what the file says; here it is taken as it is.
      project: { functionsRoot: FUNCTIONS, collections: config.collections as never, seed: config.seed as never },
    })
  })
  after(async () => {
    for (const program of opened) program.close()
    await server.close()
  })

  /** Someone who opens the mini program on a phone of their own. */
  const start = async (user: string): Promise<Person> => {
    const phone = createPhone({ loginCode: () => server.simulator.loginCode(user) })
    // Not the address in sampan/server.js: this test's server has a port of its own.
    const program = await openMiniProgram({
      root: ROOT,
      phone,
      files: { 'sampan/server.js': `module.exports = '${server.url}'` },
    })
    opened.push(program)
    return { phone, program }
  }

  const book = async ({ program }: Person, seatId: string, dayIndex: number, period: string) => {
    const page = await program.open(`/pages/book/book?seatId=${seatId}&period=${period}`)
    await page.send('onDay', { value: String(dayIndex) })
    await page.send('onInput', { value: '小舟' }, { field: 'name' })
    await page.send('onInput', { value: '13800138000' }, { field: 'phone' })
    await page.tap('onSubmit')
    return page
  }

  it('logs people in, each as themselves', async () => {
    const [anna, ben] = [await start('anna'), await start('ben')]
    const [hers, his] = [
      await anna.program.open('/pages/profile/profile'),
      await ben.program.open('/pages/profile/profile'),
    ]
    assert.match(hers.data.openid, /^o[\w-]{27}$/)
    assert.notEqual(hers.data.openid, his.data.openid)
    assert.equal(anna.program.app.globalData.openid, hers.data.openid)
    assert.deepEqual(anna.program.errors, [])
  })

  it('keeps a profile with its picture', async () => {
    const anna = await start('anna')
    const page = await anna.program.open('/pages/profile/profile')
    await page.send('onNickname', { value: '安娜' })
    await page.send('onAvatar', { avatarUrl: anna.phone.addFile('avatar.png', JPEG) })
    const again = await anna.program.open('/pages/profile/profile')
    assert.equal(again.data.nickname, '安娜')
    assert.equal((await fetch(again.data.avatar)).status, 200)
    assert.deepEqual(anna.program.errors, [])
  })

  it('lists seats twenty at a time', async () => {
    const { program } = await start('anna')
    const page = await program.open('/pages/seats/seats')
    assert.equal(page.data.seats.length, 20)
    assert.equal(page.data.hasMore, true)
    await page.call('onReachBottom')
    assert.equal(page.data.seats.length, 36)
    assert.equal(page.data.hasMore, false)
    assert.deepEqual(
      page.data.seats.map((seat: { number: number }) => seat.number),
      Array.from({ length: 36 }, (_, index) => index + 1),
    )
    await page.tap('onZone', { zone: '安静' })
    assert.equal(page.data.total, 12)
  })

  it('books a seat and shows it under my bookings', async () => {
    const anna = await start('anna')
    const page = await book(anna, 'seat-01', 1, 'morning')
    assert.equal(page.data.error, '')
    const mine = await anna.program.follow()
    assert.equal(mine.route, 'pages/mine/mine')
    assert.deepEqual(
      mine.data.bookings.map(({ seatId, name }: { seatId: string; name: string }) => [seatId, name]),
      [['seat-01', '小舟']],
    )
    const seat = await anna.program.open('/pages/seat/seat?id=seat-01')
    assert.deepEqual(
      seat.data.days[1].periods.map(({ isFree }: { isFree: boolean }) => isFree),
      [false, true, true],
    )
  })

  it('refuses a seat that somebody else has, and a second seat at the same time', async () => {
    const [anna, ben] = [await start('anna'), await start('ben')]
    assert.equal((await book(anna, 'seat-02', 2, 'evening')).data.error, '')
    assert.match((await book(ben, 'seat-02', 2, 'evening')).data.error, /刚被别人约走/)
    assert.match((await book(anna, 'seat-03', 2, 'evening')).data.error, /已经有预约/)
  })

  it('gives a seat that many want at once to exactly one', async () => {
    const people = await Promise.all(['u1', 'u2', 'u3', 'u4', 'u5', 'u6'].map(start))
    const pages = await Promise.all(people.map((person) => book(person, 'seat-09', 3, 'afternoon')))
    assert.equal(pages.filter(({ data }) => data.error === '').length, 1)
  })

  it('hides my bookings from others', async () => {
    const [anna, eve] = [await start('anna'), await start('eve')]
    await book(anna, 'seat-20', 4, 'morning')
    const mine = await eve.program.open('/pages/mine/mine')
    assert.deepEqual(mine.data.bookings, [])
    const id = (await anna.program.open('/pages/mine/mine')).data.bookings[0]._id
    const stolen = await eve.phone.wx.cloud
      .database()
      .collection('bookings')
      .doc(id)
      .get()
      .catch((error: Error) => error)
    assert.match(String(stolen.errMsg), /cannot find document with _id/)
  })

  it('cancels my booking and nobody else’s', async () => {
    const [anna, eve] = [await start('carol'), await start('eve')]
    await book(anna, 'seat-30', 5, 'morning')
    const mine = await anna.program.open('/pages/mine/mine')
    const id = mine.data.bookings[0]._id
    const refused = await eve.phone.wx.cloud.callFunction({ name: 'cancel', data: { id } })
    assert.equal(refused.result.code, 404)
    await mine.tap('onCancel', { id })
    assert.deepEqual(mine.data.bookings, [])
    assert.equal((await book(eve, 'seat-30', 5, 'morning')).data.error, '')
  })

  it('uploads a photo that everybody sees', async () => {
    const [anna, ben] = [await start('anna'), await start('ben')]
    const page = await anna.program.open('/pages/seat/seat?id=seat-05')
    anna.phone.pick(anna.phone.addFile('seat.jpg', JPEG))
    await page.tap('onUpload')
    assert.deepEqual(anna.program.errors, [])
    const seen = await ben.program.open('/pages/seat/seat?id=seat-05')
    const answer = await fetch(seen.data.photos[0].fileID)
    assert.equal(answer.status, 200)
    assert.deepEqual(Buffer.from(await answer.arrayBuffer()), JPEG)
  })

  it('offers to try again when the network fails', async () => {
    const { program, phone } = await start('anna')
    phone.setOnline(false)
    const page = await program.open('/pages/mine/mine')
    assert.match(page.data.error, /重试/)
    phone.setOnline(true)
    await page.tap('onRetry')
    assert.equal(page.data.error, '')
  })

  it('names in WXML only handlers that its page has', async () => {
    const { program } = await start('anna')
    for (const route of program.routes) {
      const { instance } = await program.open(`/${route}?id=seat-01&seatId=seat-01`)
      const wxml = readFileSync(path.join(ROOT, `${route}.wxml`), 'utf8')
      for (const [, handler = ''] of wxml.matchAll(/\b(?:bind|catch)\w+="(\w+)"/g))
        assert.equal(typeof instance[handler], 'function', `${route}.wxml names ${handler}`)
    }
  })
})
