import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { startTestCloud, type TestCloud } from './test-cloud.ts'

const TEXT = 'a'.repeat(300)

describe('answers that a phone holds', () => {
  let test: TestCloud
  before(async () => {
    test = await startTestCloud()
  })
  after(() => test.close())

  /** A phone whose answers' statuses and lengths are told. */
  const start = (user: string) => {
    const started = test.start(user)
    const replies: { status: number; characters: number; asked: string }[] = []
    const { request } = started.phone.wx
    started.phone.wx['request'] = (options: { header: Record<string, string>; success(reply: object): void }) =>
      request({
        ...options,
        success(reply: { statusCode: number; data: unknown }) {
          const characters = reply.data ? JSON.stringify(reply.data).length : 0
          replies.push({ status: reply.statusCode, characters, asked: String(options.header['if-none-match']) })
          options.success(reply)
        },
      })
    return { ...started, replies, last: () => replies.at(-1) }
  }

  it('cost 304 and no body while nothing changed, and are whole again when something did', async () => {
    const { cloud, last } = start('alice')
    const notes = cloud.database().collection('notes')
    const { _id } = (await notes.add({ data: { text: TEXT, at: new Date(5), tags: ['x'] } })) as { _id: string }
    const first = await notes.where({ text: TEXT }).get()
    assert.equal(last()?.status, 200)
    const again = await notes.where({ text: TEXT }).get()
    assert.deepEqual([last()?.status, last()?.characters], [304, 0])
    assert.deepEqual(again, first)
    assert.ok(again.data[0]?.['at'] instanceof Date)
    // Programs change what they were given; the next one must not see it.
    again.data[0]?.['tags'].push('mine')
    assert.deepEqual((await notes.where({ text: TEXT }).get()).data[0]?.['tags'], ['x'])

    await notes.doc(_id).update({ data: { tags: ['y'] } })
    const changed = await notes.where({ text: TEXT }).get()
    assert.equal(last()?.status, 200)
    assert.deepEqual(changed.data[0]?.['tags'], ['y'])
    await notes.doc(_id).get()
    await notes.doc(_id).get()
    assert.equal(last()?.status, 304)
  })

  it('are no way around a rule: what was taken away is refused', async () => {
    const { cloud, replies } = start('ben')
    const { _id } = (await cloud
      .database()
      .collection('board')
      .add({ data: { text: TEXT } })) as { _id: string }
    const reader = start('carol')
    const doc = reader.cloud.database().collection('board').doc(_id)
    await doc.get()
    await doc.get()
    assert.equal(reader.last()?.status, 304)
    await cloud.database().collection('board').doc(_id).remove()
    await assert.rejects(doc.get() as Promise<unknown>, /cannot find document/)
    assert.ok(replies.length > 0)
  })

  it('are not tagged if they are small, and are kept for thirty questions at most', async () => {
    const { cloud, replies, last } = start('dora')
    const notes = cloud.database().collection('notes')
    await notes.count()
    await notes.count()
    assert.equal(last()?.status, 200)
    for (let n = 0; n < 32; n += 1) await notes.add({ data: { text: TEXT, n } })
    const ask = (n: number) => notes.where({ n }).get()
    for (let n = 0; n < 31; n += 1) await ask(n)
    await ask(30)
    assert.equal(last()?.status, 304)
    await ask(0)
    assert.deepEqual([last()?.status, last()?.asked], [200, '-'])
    assert.ok(replies.length > 60)
  })
})
