/**
 * Queries, updates, transactions and stages, written with the vendor's own client. Each case: what is stored, what is
 * asked, and the answer that CloudBase's documentation and MongoDB's promise.
 */
// biome-ignore-all lint/suspicious/noExplicitAny: the vendor's client has no types
import { type Ask, Refusal, refused, type VendorCase, type VendorContext } from './vendor-case.ts'

export const VENDOR_CASES: VendorCase[] = []
const add = (title: string, records: object[], ask: Ask, wanted: unknown) =>
  VENDOR_CASES.push({ title, records, ask, wanted })
const ids = (answer: any) => answer.data.map(({ _id }: any) => _id)

const P = [
  {
    _id: 1,
    n: 1,
    s: 'a',
    t: ['x', 'y'],
    o: { a: 1, b: { c: 2 } },
    l: [
      { k: 1, v: 5 },
      { k: 2, v: 8 },
    ],
    d: new Date(1000),
  },
  { _id: 2, n: 2, s: 'b', t: ['y'], o: { a: 2 }, l: [{ k: 1, v: 9 }], nul: null, d: new Date(2000) },
  { _id: 3, n: 3.5, s: 'c', t: [], o: { a: 3, b: null }, l: [], big: 2 ** 40 },
  { _id: 4, s: 'Abc', t: 'y', arr: [1, [2, 3], 5] },
  { _id: 5, n: '2', s: '', t: [['x', 'y']], b: true },
]
const q = (t: string, where: Ask, want: unknown) =>
  add(`where ${t}`, P, async (x) => ids(await x.c.where(where(x)).orderBy('_id', 'asc').get()), want)
q('eq', ({ _ }) => ({ n: _.eq(2) }), [2])
q('literal', () => ({ n: 2 }), [2])
q('neq', ({ _ }) => ({ n: _.neq(2) }), [1, 3, 4, 5])
q('lt', ({ _ }) => ({ n: _.lt(2) }), [1])
q('lte', ({ _ }) => ({ n: _.lte(2) }), [1, 2])
q('gt', ({ _ }) => ({ n: _.gt(2) }), [3])
q('gte', ({ _ }) => ({ n: _.gte(2) }), [2, 3])
q('gt date', ({ _ }) => ({ d: _.gt(new Date(1000)) }), [2])
q('gt string', ({ _ }) => ({ s: _.gt('a') }), [2, 3])
q('in', ({ _ }) => ({ n: _.in([1, 3.5, null]) }), [1, 3, 4])
q('nin', ({ _ }) => ({ n: _.nin([1, 3.5]) }), [2, 4, 5])
q('in regex', ({ _ }) => ({ s: _.in([/^a/i]) }), [1, 4])
q('and', ({ _ }) => _.and([{ n: _.gt(1) }, { n: _.lt(3) }]), [2])
q('and varargs', ({ _ }) => _.and({ n: _.gt(1) }, { n: _.lt(3) }), [2])
q('or', ({ _ }) => _.or([{ n: 1 }, { s: 'c' }]), [1, 3])
q('nor', ({ _ }) => _.nor([{ n: 1 }, { s: 'c' }]), [2, 4, 5])
q('field and', ({ _ }) => ({ n: _.gt(1).and(_.lt(3)) }), [2])
q('field or', ({ _ }) => ({ n: _.lt(2).or(_.gt(3)) }), [1, 3])
q('field and()', ({ _ }) => ({ n: _.and(_.gt(1), _.lt(3)) }), [2])
q('field or []', ({ _ }) => ({ n: _.or([_.lt(2), _.gt(3)]) }), [1, 3])
q('not', ({ _ }) => ({ n: _.not(_.gt(1)) }), [1, 4, 5])
q('not eq', ({ _ }) => ({ n: _.not(_.eq(1)) }), [2, 3, 4, 5])
q('or with top field', ({ _ }) => _.or([{ n: 1 }, { n: 2 }]).and({ s: 'b' }), [2])
q('exists', ({ _ }) => ({ n: _.exists(true) }), [1, 2, 3, 5])
q('exists false', ({ _ }) => ({ n: _.exists(false) }), [4])
q('exists null', ({ _ }) => ({ nul: _.exists(true) }), [2])
q('null matches missing', () => ({ nul: null }), [1, 2, 3, 4, 5])
q('null nested', () => ({ 'o.b': null }), [2, 3, 4, 5])
q('neq null', ({ _ }) => ({ n: _.neq(null) }), [1, 2, 3, 5])
q('mod', ({ _ }) => ({ n: _.mod(2, 1) }), [1, 3])
q('size', ({ _ }) => ({ t: _.size(1) }), [2, 5])
q('size 0', ({ _ }) => ({ t: _.size(0) }), [3])
q('all', ({ _ }) => ({ t: _.all(['y', 'x']) }), [1])
q('all nested', ({ _ }) => ({ t: _.all([['x', 'y']]) }), [1, 5])
q('elemMatch', ({ _ }) => ({ l: _.elemMatch({ k: 1, v: _.gt(6) }) }), [2])
q('elemMatch values', ({ _ }) => ({ arr: _.elemMatch(_.gt(4)) }), [4])
q('all elemMatch', ({ _ }) => ({ l: _.all([_.elemMatch({ k: 1 }), _.elemMatch({ k: 2 })]) }), [1])
q('array contains', () => ({ t: 'y' }), [1, 2, 4])
q('array exact', () => ({ t: ['x', 'y'] }), [1, 5])
q('array index', () => ({ 't.0': 'y' }), [2, 5])
q('nested flatten', () => ({ o: { a: 1 } }), [1])
q('nested eq whole', ({ _ }) => ({ o: _.eq({ a: 2 }) }), [2])
q('dotted', () => ({ 'o.b.c': 2 }), [1])
q('dotted into array', () => ({ 'l.v': 8 }), [1])
q('dotted index', () => ({ 'l.0.v': 9 }), [2])
q('regexp literal', () => ({ s: /^a/ }), [1])
q('regexp i', () => ({ s: /^a/i }), [1, 4])
q('db.RegExp', ({ db }) => ({ s: db.RegExp({ regexp: 'B', options: 'i' }) }), [2, 4])
q('$regex raw', () => ({ s: { $regex: 'b', $options: 'i' } }), [2, 4])
q('expr', ({ _, $ }) => _.expr($.gt(['$n', '$o.a'])), [3, 5])
q('expr cond', ({ _, $ }) => _.expr($.eq([$.size($.ifNull(['$l', []])), 2])), [1])
q('raw $or', () => ({ $or: [{ n: 1 }, { n: 2 }] }), [1, 2])
q('bool', () => ({ b: true }), [5])
q('_id in', ({ _ }) => ({ _id: _.in([1, 4, 9]) }), [1, 4])
q('_id gt', ({ _ }) => ({ _id: _.gt(3) }), [4, 5])
q('jsonSchema required', ({ _ }) => _.jsonSchema({ required: ['n', 'big'] }), [3])
q('jsonSchema type', ({ _ }) => _.jsonSchema({ properties: { n: { bsonType: 'string' } }, required: ['n'] }), [5])
q(
  'jsonSchema min',
  ({ _ }) => _.jsonSchema({ properties: { n: { bsonType: 'number', minimum: 2 } }, required: ['n'] }),
  [2, 3],
)
q(
  'jsonSchema nested items',
  ({ _ }) =>
    _.jsonSchema({
      required: ['l'],
      properties: {
        l: {
          bsonType: 'array',
          minItems: 1,
          items: { bsonType: 'object', required: ['k', 'v'], properties: { v: { minimum: 6 } } },
        },
      },
    }),
  [2],
)
q('jsonSchema enum pattern', ({ _ }) => _.jsonSchema({ properties: { s: { enum: ['a', 'b'], pattern: '^a' } } }), [1])
add(
  'text refused clearly',
  P,
  ({ _, c }) => c.where({ s: _.text({ search: 'a' }) }).get(),
  refused('DATABASE_REQUEST_FAILED', /text/i),
)
add(
  '$text raw',
  P,
  ({ c }) =>
    c
      .options({ raw: true })
      .where({ $text: { $search: 'a' } })
      .get(),
  refused('DATABASE_REQUEST_FAILED', /text/i),
)
add(
  'unknown operator',
  P,
  ({ c }) =>
    c
      .options({ raw: true })
      .where({ n: { $foo: 1 } })
      .get(),
  refused('DATABASE_REQUEST_FAILED', /\$foo/),
)
add(
  '$where refused',
  P,
  ({ c }) => c.options({ raw: true }).where({ $where: '1' }).get(),
  refused('DATABASE_REQUEST_FAILED', /\$where/),
)
add(
  'missing collection',
  [],
  ({ db }) => db.collection('no-such').get(),
  refused('DATABASE_COLLECTION_NOT_EXIST', /Db or Table not exist: no-such/),
)
add('create twice', [], ({ db, coll }) => db.createCollection(coll), refused('DATABASE_COLLECTION_ALREADY_EXIST'))
// paging / order / field
add('skip limit order', P, async ({ c }) => ids(await c.orderBy('_id', 'desc').skip(1).limit(2).get()), [4, 3])
add(
  'order by mixed types',
  P,
  async ({ c }) => ids(await c.orderBy('n', 'asc').orderBy('_id', 'asc').get()),
  [4, 1, 2, 3, 5],
)
add('order by desc', P, async ({ c }) => ids(await c.orderBy('n', 'desc').orderBy('_id', 'asc').get()), [5, 3, 2, 1, 4])
add('field', P, async ({ c }) => (await c.where({ _id: 1 }).field({ n: true, 'o.b': true, _id: false }).get()).data, [
  { n: 1, o: { b: { c: 2 } } },
])
add(
  'field exclude',
  P,
  async ({ c }) => (await c.where({ _id: 2 }).field({ l: false, d: false, o: false }).get()).data,
  [{ _id: 2, n: 2, s: 'b', t: ['y'], nul: null }],
)
add(
  'project slice',
  P,
  async ({ c, _ }) =>
    (
      await c
        .where({ _id: 1 })
        .field({ t: _.project.slice(1), n: true })
        .get()
    ).data.map((d: any) => [d.t, d.n]),
  [[['x'], 1]],
)
add(
  'project elemMatch',
  P,
  async ({ c, _ }) =>
    (
      await c
        .where({ _id: 1 })
        .field({ l: _.project.elemMatch({ k: 2 }) })
        .get()
    ).data,
  [{ _id: 1, l: [{ k: 2, v: 8 }] }],
)
add('count', P, async ({ c, _ }) => (await c.where({ n: _.gt(1) }).count()).total, 2)
add(
  'default 100 and 1000',
  Array.from({ length: 150 }, (_, i) => ({ _id: i })),
  async ({ c }) => [(await c.get()).data.length, (await c.limit(5000).get()).data.length],
  [100, 150],
)
// types
add(
  'types round trip',
  [],
  async ({ c, db }) => {
    const value = {
      date: new Date(5),
      i: 1,
      d: 1.5,
      big: 2 ** 40,
      neg: -0.5,
      s: '中文',
      b: true,
      z: null,
      a: [1, [2]],
      o: {},
      p: new db.Geo.Point(1, 2),
    }
    const { id } = await c.add(value)
    const { data } = await c.doc(id).get()
    const d = data[0]
    return [
      d.date instanceof Date && d.date.getTime(),
      d.i,
      d.d,
      d.big,
      d.neg,
      d.s,
      d.b,
      d.z,
      d.a,
      d.o,
      d.p.longitude,
      d.p.latitude,
      id.length,
    ]
  },
  [5, 1, 1.5, 2 ** 40, -0.5, '中文', true, null, [1, [2]], {}, 1, 2, 32],
)
add(
  'serverDate',
  [],
  async ({ c, db }) => {
    const { id } = await c.add({ at: db.serverDate(), later: db.serverDate({ offset: 3600000 }) })
    const d = (await c.doc(id).get()).data[0]
    return [Math.abs(d.at - Date.now()) < 5000, d.later - d.at]
  },
  [true, 3600000],
)
add(
  'serverDate in update and where',
  [{ _id: 1, at: new Date(0) }],
  async ({ c, db, _ }) => {
    await c.doc(1).update({ at: db.serverDate({ offset: -1000 }), o: { x: db.serverDate() } })
    const d = (await c.where({ at: _.lt(db.serverDate()) }).get()).data[0]
    return [d._id, d.o.x instanceof Date]
  },
  [1, true],
)
add(
  'number _id',
  [],
  async ({ c }) => {
    await c.add({ _id: 7 })
    return (await c.doc(7).get()).data
  },
  [{ _id: 7 }],
)
add('dup _id', [{ _id: 'x' }], ({ c }) => c.add({ _id: 'x' }), refused('DATABASE_REQUEST_FAILED', /E11000/))
add(
  'batch add ids',
  [],
  async ({ c }) => {
    const r = await c.add([{ _id: 'a' }, { n: 1 }])
    return [r.ids.length, r.ids[0]]
  },
  [2, 'a'],
)
// updates
const u = (t: string, doc: any, data: Ask, want: any, raw = false) =>
  add(
    `update ${t}`,
    [{ _id: 'd', ...doc }],
    async (x) => {
      const c = raw ? x.c.options({ raw: true }) : x.c
      const { updated } = await c.doc('d').update(data(x))
      const { _id, ...rest } = (await x.c.doc('d').get()).data[0]
      return [updated, rest]
    },
    want instanceof Refusal ? want : [1, want],
  )
u('set plain', { a: 1 }, () => ({ a: 2, b: 'x' }), { a: 2, b: 'x' })
u('merge', { o: { a: 1, b: { c: 1 } } }, () => ({ o: { b: { d: 2 } } }), { o: { a: 1, b: { c: 1, d: 2 } } })
u('_.set object', { o: { a: 1 } }, ({ _ }) => ({ o: _.set({ b: 1 }) }), { o: { b: 1 } })
u('dotted', { o: { a: 1 }, l: [1, 2] }, () => ({ 'o.a': 5, 'l.1': 9 }), { o: { a: 5 }, l: [1, 9] })
u('array replaced', { l: [1, 2] }, () => ({ l: [3] }), { l: [3] })
u('remove', { a: 1, b: 2 }, ({ _ }) => ({ a: _.remove() }), { b: 2 })
u('inc', { a: 1 }, ({ _ }) => ({ a: _.inc(2), b: _.inc(-1) }), { a: 3, b: -1 })
u('inc float', { a: 0.1 }, ({ _ }) => ({ a: _.inc(0.2) }), { a: 0.1 + 0.2 })
u('mul', { a: 3 }, ({ _ }) => ({ a: _.mul(2), b: _.mul(2) }), { a: 6, b: 0 })
u('min max', { a: 3, b: 3 }, ({ _ }) => ({ a: _.min(2), b: _.max(5), c: _.min(1) }), { a: 2, b: 5, c: 1 })
u('rename', { a: 3 }, ({ _ }) => ({ a: _.rename('z') }), { z: 3 })
u('push one', { l: [1] }, ({ _ }) => ({ l: _.push(2) }), { l: [1, 2] })
u('push list', { l: [1] }, ({ _ }) => ({ l: _.push([2, 3]) }), { l: [1, 2, 3] })
u('push object', { l: [] }, ({ _ }) => ({ l: _.push({ a: 1 }) }), { l: [{ a: 1 }] })
u('push missing', {}, ({ _ }) => ({ l: _.push([1]) }), { l: [1] })
u('push each', { l: [5, 1] }, ({ _ }) => ({ l: _.push({ each: [3, 4], position: 0, sort: 1, slice: 3 }) }), {
  l: [1, 3, 4],
})
u('push sort by field', { l: [{ s: 3 }] }, ({ _ }) => ({ l: _.push({ each: [{ s: 1 }], sort: { s: 1 } }) }), {
  l: [{ s: 1 }, { s: 3 }],
})
u('push slice neg', { l: [1, 2] }, ({ _ }) => ({ l: _.push({ each: [3], slice: -2 }) }), { l: [2, 3] })
u('push to non array', { l: 1 }, ({ _ }) => ({ l: _.push([2]) }), refused('DATABASE_REQUEST_FAILED', /array/))
u('pop', { l: [1, 2] }, ({ _ }) => ({ l: _.pop() }), { l: [1] })
u('shift', { l: [1, 2] }, ({ _ }) => ({ l: _.shift() }), { l: [2] })
u('unshift', { l: [1] }, ({ _ }) => ({ l: _.unshift([2, 3]) }), { l: [2, 3, 1] })
u('unshift one', { l: [1] }, ({ _ }) => ({ l: _.unshift(2) }), { l: [2, 1] })
u('pull value', { l: [1, 2, 1] }, ({ _ }) => ({ l: _.pull(1) }), { l: [2] })
u('pull condition', { l: [1, 5, 9] }, ({ _ }) => ({ l: _.pull(_.gte(5)) }), { l: [1] })
u('pull in', { l: [1, 5, 9] }, ({ _ }) => ({ l: _.pull(_.in([1, 9])) }), { l: [5] })
u('pull object', { l: [{ k: 1, v: 2 }, { k: 2 }] }, ({ _ }) => ({ l: _.pull({ k: 1 }) }), { l: [{ k: 2 }] })
u('pull object cond', { l: [{ k: 1 }, { k: 9 }] }, ({ _ }) => ({ l: _.pull({ k: _.gt(5) }) }), { l: [{ k: 1 }] })
u('pullAll', { l: [1, 2, 3] }, ({ _ }) => ({ l: _.pullAll([1, 3]) }), { l: [2] })
u('addToSet', { l: [1] }, ({ _ }) => ({ l: _.addToSet(1), m: _.addToSet('x') }), { l: [1], m: ['x'] })
u('addToSet each', { l: [1] }, ({ _ }) => ({ l: _.addToSet({ each: [1, 2] }) }), { l: [1, 2] })
u('addToSet $each', { l: [1] }, ({ _ }) => ({ l: _.addToSet({ $each: [1, 2] }) }), { l: [1, 2] })
u('bit', { a: 13 }, ({ _ }) => ({ a: _.bit({ and: 10 }) }), { a: 8 })
u('set date', { a: 1 }, () => ({ a: new Date(9) }), { a: new Date(9) })
u('inc on text', { a: 'x' }, ({ _ }) => ({ a: _.inc(1) }), refused('DATABASE_REQUEST_FAILED'))
u('raw ops', { a: 1 }, () => ({ $set: { b: 2 }, $inc: { a: 1 }, $currentDate: {} }), { a: 2, b: 2 }, true)
u('raw unknown', { a: 1 }, () => ({ $foo: { b: 2 } }), refused('DATABASE_REQUEST_FAILED', /\$foo/), true)
u('positional all', { l: [{ v: 1 }, { v: 2 }] }, () => ({ 'l.$[].v': 7 }), { l: [{ v: 7 }, { v: 7 }] })
u('positional all inc', { l: [1, 2] }, ({ _ }) => ({ 'l.$[]': _.inc(1) }), { l: [2, 3] })
add(
  'update positional $',
  [
    {
      _id: 'd',
      l: [
        { k: 1, v: 1 },
        { k: 2, v: 2 },
      ],
    },
  ],
  async ({ c }) => {
    const { updated } = await c.where({ _id: 'd', 'l.k': 2 }).update({ 'l.$.v': 9 })
    return [updated, (await c.doc('d').get()).data[0].l]
  },
  [
    1,
    [
      { k: 1, v: 1 },
      { k: 2, v: 9 },
    ],
  ],
)
add(
  'update positional $ elemMatch inc',
  [
    {
      _id: 'd',
      l: [
        { k: 1, v: 1 },
        { k: 2, v: 2 },
      ],
    },
  ],
  async ({ c, _ }) => {
    await c.where({ _id: 'd', l: _.elemMatch({ k: 2, v: _.gte(2) }) }).update({ 'l.$.v': _.inc(5) })
    return (await c.doc('d').get()).data[0].l
  },
  [
    { k: 1, v: 1 },
    { k: 2, v: 7 },
  ],
)
add(
  'update positional scalar',
  [{ _id: 'd', l: [1, 5, 9] }],
  async ({ c }) => {
    await c.where({ l: 5 }).update({ 'l.$': 0 })
    return (await c.doc('d').get()).data[0].l
  },
  [1, 0, 9],
)
add(
  'update positional no array',
  [{ _id: 'd', l: [1, 5, 9] }],
  async ({ c }) => c.where({ _id: 'd' }).update({ 'l.$': 0 }),
  refused('DATABASE_REQUEST_FAILED', /positional/),
)
add(
  'where update all',
  P,
  async ({ c, _ }) => [
    (await c.where({ n: _.gt(0) }).update({ z: 1 })).updated,
    (await c.where({ z: 1 }).count()).total,
  ],
  [3, 3],
)
add(
  'where update multiple false',
  P,
  async ({ c, _ }) => [
    (
      await c
        .where({ n: _.gt(0) })
        .options({ multiple: false })
        .update({ z: 1 })
    ).updated,
    (await c.where({ z: 1 }).count()).total,
  ],
  [1, 1],
)
add(
  'where remove',
  P,
  async ({ c, _ }) => [(await c.where({ n: _.gt(1) }).remove()).deleted, (await c.count()).total],
  [2, 3],
)
add('doc remove', P, async ({ c }) => [(await c.doc(1).remove()).deleted, (await c.doc(1).remove()).deleted], [1, 0])
add('update missing', P, async ({ c }) => (await c.doc('none').update({ a: 1 })).updated, 0)
add(
  'set creates and replaces',
  [],
  async ({ c }) => {
    const a = await c.doc('x').set({ a: 1, b: 2 })
    const b = await c.doc('x').set({ c: 3 })
    return [a.updated, a.upsertedId, b.updated, b.upsertedId ?? null, (await c.doc('x').get()).data]
  },
  [0, 'x', 1, null, [{ _id: 'x', c: 3 }]],
)
add(
  'updateAndReturn',
  [{ _id: 1, n: 1 }],
  async ({ c, _ }) => {
    const r = await c.where({ _id: 1 }).updateAndReturn({ n: _.inc(1) })
    return [r.updated, r.doc]
  },
  [1, { _id: 1, n: 2 }],
)
add(
  'updateAndReturn none',
  [{ _id: 1, n: 1 }],
  async ({ c, _ }) => {
    const r = await c.where({ _id: 9 }).updateAndReturn({ n: _.inc(1) })
    return [r.updated, r.doc ?? null]
  },
  [0, null],
)
add(
  'Decimal128',
  [],
  ({ c }) => c.add({ x: { $numberDecimal: '1.10' } }),
  refused('DATABASE_REQUEST_FAILED', /Decimal128/),
)
// transactions
add(
  'runTransaction',
  [
    { _id: 'a', n: 10 },
    { _id: 'b', n: 0 },
  ],
  async ({ db, coll, c, _ }) => {
    const r = await db.runTransaction(async (t: any) => {
      const a = await t.collection(coll).doc('a').get()
      await t
        .collection(coll)
        .doc('a')
        .update({ n: _.inc(-a.data.n) })
      await t
        .collection(coll)
        .doc('b')
        .update({ n: _.inc(a.data.n) })
      await t.collection(coll).add({ _id: 'c' })
      const seen = (await t.collection(coll).doc('b').get()).data.n
      await t.collection(coll).doc('c').remove()
      return [seen, (await t.collection(coll).doc('none').get()).data]
    })
    return [r, (await c.orderBy('_id', 'asc').get()).data]
  },
  [
    [10, null],
    [
      { _id: 'a', n: 0 },
      { _id: 'b', n: 10 },
    ],
  ],
)
add(
  'rollback reason',
  [{ _id: 'a', n: 1 }],
  async ({ db, coll, c }) => {
    const reason = await db
      .runTransaction(async (t: any) => {
        await t.collection(coll).doc('a').update({ n: 5 })
        await t.rollback('why')
      })
      .catch((e: any) => e)
    return [reason, (await c.doc('a').get()).data[0].n]
  },
  ['why', 1],
)
add(
  'conflict',
  [{ _id: 'a', n: 1 }],
  async ({ db, coll, c }) => {
    const t = await db.startTransaction()
    await t.collection(coll).doc('a').get()
    await c.doc('a').update({ n: 2 })
    let code: any
    try {
      await t.collection(coll).doc('a').update({ n: 3 })
      await t.commit()
    } catch (e: any) {
      code = `${e.code} ${e.message}`
    }
    return code
  },
  (got: any) => !!/^DATABASE_TRANSACTION_CONFLICT .*Transaction is busy/.test(got),
)
add(
  'conflict of two transactions',
  [{ _id: 'a', n: 1 }],
  async ({ db, coll }) => {
    const t = await db.startTransaction(),
      t2 = await db.startTransaction()
    const out: any[] = []
    for (const x of [t, t2]) {
      await x
        .collection(coll)
        .doc('a')
        .update({ n: x === t ? 2 : 3 })
        .catch((e: any) => out.push(e.code))
    }
    for (const x of [t, t2])
      await x.commit().then(
        () => out.push('ok'),
        (e: any) => out.push(e.code),
      )
    return out
  },
  (got: any) => !(got.filter((x: any) => x === 'ok').length !== 1 || !got.includes('DATABASE_TRANSACTION_CONFLICT')),
)
add(
  'one state in a transaction',
  [
    { _id: 'a', n: 1 },
    { _id: 'b', n: 1 },
  ],
  async ({ db, coll, c }) => {
    const t = await db.startTransaction()
    const one = (await t.collection(coll).doc('a').get()).data.n
    await c.where({}).update({ n: 2 })
    const again = (await t.collection(coll).doc('a').get()).data.n
    const other = await t
      .collection(coll)
      .doc('b')
      .get()
      .catch((error: any) => error.code)
    return [one, again, other]
  },
  [1, 1, 'DATABASE_TRANSACTION_CONFLICT'],
)
add(
  'unknown transaction',
  [{ _id: 'a', n: 1 }],
  async ({ db, coll }) => {
    const t = await db.startTransaction()
    await t.rollback()
    return t.collection(coll).doc('a').get()
  },
  refused('DATABASE_REQUEST_FAILED', /ransaction/),
)
// geo
const PLACES = [
  { _id: 'o', p: { type: 'Point', coordinates: [0, 0] } },
  { _id: 'n', p: { type: 'Point', coordinates: [0.01, 0] } },
  { _id: 'f', p: { type: 'Point', coordinates: [1, 1] } },
]
add(
  'geoNear',
  PLACES,
  async ({ c, _, db }) =>
    ids(
      await c
        .where({ p: _.geoNear({ geometry: new db.Geo.Point(0.009, 0), maxDistance: 5000, minDistance: 0 }) })
        .get(),
    ),
  ['n', 'o'],
)
add(
  'geoWithin polygon',
  PLACES,
  async ({ c, _, db }) =>
    ids(
      await c
        .where({
          p: _.geoWithin({
            geometry: new db.Geo.Polygon([
              new db.Geo.LineString([
                new db.Geo.Point(-1, -1),
                new db.Geo.Point(0.5, -1),
                new db.Geo.Point(0.5, 0.5),
                new db.Geo.Point(-1, 0.5),
                new db.Geo.Point(-1, -1),
              ]),
            ]),
          }),
        })
        .get(),
    ).sort(),
  ['n', 'o'],
)
add(
  'geoWithin centerSphere',
  PLACES,
  async ({ c, _ }) => ids(await c.where({ p: _.geoWithin({ centerSphere: [[0, 0], 5 / 6378.1] }) }).get()).sort(),
  ['n', 'o'],
)
add(
  'geoIntersects',
  PLACES,
  async ({ c, _, db }) =>
    ids(
      await c
        .where({
          p: _.geoIntersects({ geometry: new db.Geo.LineString([new db.Geo.Point(-1, 0), new db.Geo.Point(0.5, 0)]) }),
        })
        .get(),
    ).sort(),
  ['n', 'o'],
)
add(
  'geo types',
  [],
  async ({ c, db }) => {
    const { Geo } = db
    const line = new Geo.LineString([new Geo.Point(0, 0), new Geo.Point(1, 1)])
    const ring = new Geo.LineString([
      new Geo.Point(0, 0),
      new Geo.Point(1, 0),
      new Geo.Point(1, 1),
      new Geo.Point(0, 0),
    ])
    await c.add({
      _id: 1,
      line,
      poly: new Geo.Polygon([ring]),
      mp: new Geo.MultiPoint([new Geo.Point(1, 2)]),
      ml: new Geo.MultiLineString([line]),
      mpo: new Geo.MultiPolygon([new Geo.Polygon([ring])]),
    })
    const d = (await c.doc(1).get()).data[0]
    return [
      d.line.constructor.name,
      d.poly.constructor.name,
      d.mp.constructor.name,
      d.ml.constructor.name,
      d.mpo.constructor.name,
    ]
  },
  ['LineString', 'Polygon', 'MultiPoint', 'MultiLineString', 'MultiPolygon'],
)
add(
  'aggregate geoNear',
  PLACES,
  async ({ c, db }) =>
    (
      await c
        .aggregate()
        .geoNear({
          distanceField: 'dist',
          spherical: true,
          near: new db.Geo.Point(0, 0),
          maxDistance: 5000,
          query: {},
          key: 'p',
          distanceMultiplier: 1,
          includeLocs: 'loc',
        })
        .end()
    ).data.map((d: any) => [d._id, Math.round(d.dist), d.loc.type]),
  [
    ['o', 0, 'Point'],
    ['n', 1113, 'Point'],
  ],
)
// aggregation
const A = [
  { _id: 1, c: 'a', n: 2, tags: ['x', 'y'], at: new Date('2026-01-05T18:30:15.123Z'), o: { p: 1, q: 2 } },
  { _id: 2, c: 'b', n: 5, tags: [], at: new Date('2026-02-01T00:00:00Z'), o: { p: 3 } },
  { _id: 3, c: 'a', n: 8, tags: ['y'], at: new Date('2026-12-31T23:59:59Z') },
]
const ag = (t: string, build: (a: any, context: VendorContext) => any, want: unknown, recs: any[] = A) =>
  add(
    `agg ${t}`,
    recs,
    async (x) => {
      const r = await build(x.c.aggregate(), x).end()
      return r.data
    },
    want,
  )
ag(
  'match sort project',
  (a, { _ }) =>
    a
      .match({ n: _.gt(2) })
      .sort({ n: -1 })
      .project({ n: 1, _id: 0 }),
  [{ n: 8 }, { n: 5 }],
)
ag(
  'addFields',
  (a, { $ }) =>
    a
      .match({ _id: 1 })
      .addFields({ total: $.add(['$n', 1]), 'o.r': '$c' })
      .project({ total: 1, o: 1 }),
  [{ _id: 1, total: 3, o: { p: 1, q: 2, r: 'a' } }],
)
ag(
  'group',
  (a, { $ }) =>
    a
      .group({
        _id: '$c',
        s: $.sum('$n'),
        a: $.avg('$n'),
        mi: $.min('$n'),
        ma: $.max('$n'),
        f: $.first('$n'),
        l: $.last('$n'),
        p: $.push('$n'),
        c: $.sum(1),
      })
      .sort({ _id: 1 }),
  [
    { _id: 'a', s: 10, a: 5, mi: 2, ma: 8, f: 2, l: 8, p: [2, 8], c: 2 },
    { _id: 'b', s: 5, a: 5, mi: 5, ma: 5, f: 5, l: 5, p: [5], c: 1 },
  ],
)
ag(
  'group null',
  (a, { $ }) =>
    a
      .group({ _id: null, s: $.sum('$n'), set: $.addToSet('$c'), sd: $.stdDevPop('$n'), ss: $.stdDevSamp('$n') })
      .project({ _id: 0, s: 1, n: $.size('$set'), sd: $.trunc($.multiply(['$sd', 100])), ss: '$ss' }),
  [{ s: 15, n: 2, sd: 244, ss: 3 }],
)
ag(
  'group by object',
  (a, { $ }) => a.group({ _id: { k: '$c', e: $.gt(['$n', 4]) }, c: $.sum(1) }).sort({ '_id.k': 1, '_id.e': 1 }),
  [
    { _id: { k: 'a', e: false }, c: 1 },
    { _id: { k: 'a', e: true }, c: 1 },
    { _id: { k: 'b', e: true }, c: 1 },
  ],
)
ag(
  'group push obj',
  (a, { $ }) => a.group({ _id: '$c', l: $.push({ n: '$n', t: $.size('$tags') }) }).sort({ _id: 1 }),
  [
    {
      _id: 'a',
      l: [
        { n: 2, t: 2 },
        { n: 8, t: 1 },
      ],
    },
    { _id: 'b', l: [{ n: 5, t: 0 }] },
  ],
)
ag(
  'bucket',
  (a, { $ }) =>
    a.bucket({ groupBy: '$n', boundaries: [0, 5, 8], default: 'other', output: { c: $.sum(1), l: $.push('$n') } }),
  [
    { _id: 0, c: 1, l: [2] },
    { _id: 5, c: 1, l: [5] },
    { _id: 'other', c: 1, l: [8] },
  ],
)
ag('bucket default count', (a) => a.bucket({ groupBy: '$n', boundaries: [0, 5, 10] }), [
  { _id: 0, count: 1 },
  { _id: 5, count: 2 },
])
ag('bucket outside', (a) => a.bucket({ groupBy: '$n', boundaries: [0, 5] }), refused('DATABASE_REQUEST_FAILED'))
ag('bucketAuto', (a) => a.bucketAuto({ groupBy: '$n', buckets: 2 }), [
  { _id: { min: 2, max: 8 }, count: 2 },
  { _id: { min: 8, max: 8 }, count: 1 },
])
ag('bucketAuto output', (a, { $ }) => a.bucketAuto({ groupBy: '$n', buckets: 3, output: { s: $.sum('$n') } }), [
  { _id: { min: 2, max: 5 }, s: 2 },
  { _id: { min: 5, max: 8 }, s: 5 },
  { _id: { min: 8, max: 8 }, s: 8 },
])
ag('count', (a, { _ }) => a.match({ n: _.gt(2) }).count('total'), [{ total: 2 }])
ag('skip limit', (a) => a.sort({ _id: 1 }).skip(1).limit(1).project({ _id: 1 }), [{ _id: 2 }])
ag('sample', (a) => a.sample({ size: 2 }).count('n'), [{ n: 2 }])
ag('sortByCount', (a) => a.unwind('$tags').sortByCount('$tags'), [
  { _id: 'y', count: 2 },
  { _id: 'x', count: 1 },
])
ag('unwind', (a) => a.unwind('$tags').project({ tags: 1 }), [
  { _id: 1, tags: 'x' },
  { _id: 1, tags: 'y' },
  { _id: 3, tags: 'y' },
])
ag(
  'unwind options',
  (a) =>
    a.unwind({ path: '$tags', includeArrayIndex: 'i', preserveNullAndEmptyArrays: true }).project({ tags: 1, i: 1 }),
  [
    { _id: 1, tags: 'x', i: 0 },
    { _id: 1, tags: 'y', i: 1 },
    { _id: 2, i: null },
    { _id: 3, tags: 'y', i: 0 },
  ],
)
ag('replaceRoot', (a, { _ }) => a.match({ o: _.exists(true) }).replaceRoot({ newRoot: '$o' }), [
  { p: 1, q: 2 },
  { p: 3 },
])
ag(
  'replaceRoot merge',
  (a, { $ }) =>
    a
      .match({ _id: 1 })
      .replaceRoot({ newRoot: $.mergeObjects(['$o', { z: '$c' }, '$$ROOT']) })
      .project({ p: 1, z: 1, n: 1 }),
  [{ _id: 1, p: 1, z: 'a', n: 2 }],
)
ag('replaceRoot missing', (a) => a.replaceRoot({ newRoot: '$o' }), refused('DATABASE_REQUEST_FAILED'))
add(
  'agg lookup fields',
  A,
  async ({ db, c, coll }) => {
    await db.createCollection(`${coll}x`)
    await db.collection(`${coll}x`).add([
      { _id: 10, c: 'a', w: 1 },
      { _id: 11, c: ['a', 'b'], w: 2 },
      { _id: 12, w: 3 },
    ])
    return (
      await c
        .aggregate()
        .lookup({ from: `${coll}x`, localField: 'c', foreignField: 'c', as: 'j' })
        .project({ j: '$j._id' })
        .end()
    ).data
  },
  [
    { _id: 1, j: [10, 11] },
    { _id: 2, j: [11] },
    { _id: 3, j: [10, 11] },
  ],
)
add(
  'agg lookup pipeline let',
  A,
  async ({ db, c, coll, $, _ }) => {
    await db.createCollection(`${coll}x`)
    await db.collection(`${coll}x`).add([
      { _id: 10, c: 'a', w: 1 },
      { _id: 11, c: 'a', w: 6 },
      { _id: 12, c: 'b', w: 1 },
    ])
    return (
      await c
        .aggregate()
        .lookup({
          from: `${coll}x`,
          let: { cc: '$c', nn: '$n' },
          pipeline: $.pipeline()
            .match(_.expr($.and([$.eq(['$c', '$$cc']), $.lt(['$w', '$$nn'])])))
            .project({ _id: 0, w: 1 })
            .done(),
          as: 'j',
        })
        .project({ j: 1 })
        .end()
    ).data
  },
  [
    { _id: 1, j: [{ w: 1 }] },
    { _id: 2, j: [{ w: 1 }] },
    { _id: 3, j: [{ w: 1 }, { w: 6 }] },
  ],
)
add(
  'agg lookup pipeline no let',
  A,
  async ({ db, c, coll, $, _ }) => {
    await db.createCollection(`${coll}x`)
    await db.collection(`${coll}x`).add([
      { _id: 10, w: 1 },
      { _id: 11, w: 6 },
    ])
    return (
      await c
        .aggregate()
        .match({ _id: 1 })
        .lookup({
          from: `${coll}x`,
          pipeline: $.pipeline()
            .match({ w: _.gt(2) })
            .done(),
          as: 'j',
        })
        .project({ j: 1 })
        .end()
    ).data
  },
  [{ _id: 1, j: [{ _id: 11, w: 6 }] }],
)
add(
  'agg join idiom',
  A,
  async ({ db, c, coll, $ }) => {
    await db.createCollection(`${coll}x`)
    await db.collection(`${coll}x`).add([{ _id: 10, c: 'a', w: 1 }])
    return (
      await c
        .aggregate()
        .match({ _id: 1 })
        .lookup({ from: `${coll}x`, localField: 'c', foreignField: 'c', as: 'j' })
        .replaceRoot({ newRoot: $.mergeObjects([$.arrayElemAt(['$j', 0]), '$$ROOT']) })
        .project({ j: 0, tags: 0, at: 0, o: 0 })
        .end()
    ).data
  },
  [{ _id: 1, c: 'a', w: 1, n: 2 }],
)

add(
  'agg raw facet',
  A,
  async ({ c }) =>
    (
      await c
        .options({ raw: true })
        .aggregate([
          {
            $facet: {
              a: [{ $match: { c: 'a' } }, { $count: 'n' }],
              b: [{ $sort: { n: -1 } }, { $limit: 1 }, { $project: { n: 1 } }],
            },
          },
        ])
        .end()
    ).data,
  [{ a: [{ n: 2 }], b: [{ _id: 3, n: 8 }] }],
)
ag(
  'default 20',
  (a) => a,
  (got: any) => !(got.length !== 20),
  Array.from({ length: 30 }, (_, i) => ({ _id: i })),
)
ag(
  'limit more',
  (a) => a.limit(1000),
  (got: any) => !(got.length !== 30),
  Array.from({ length: 30 }, (_, i) => ({ _id: i })),
)
