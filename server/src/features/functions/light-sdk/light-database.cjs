/**
 * `cloud.database()`. The query language is CloudBase's own builder (@cloudbase/database), so that what goes over the
 * wire is the same by construction; around it, parameters and results as wx-server-sdk has them.
 */
const { Db } = require('@cloudbase/database')
const { fail } = require('./light-errors.cjs')
const { ask } = require('./light-request.cjs')

/** What the builder sends its requests with. */
class AdminRequester {
  async send(action, fields, options) {
    try {
      return await ask(action, fields, options?.timeout)
    } catch (error) {
      if (error?.isServerAnswer) return error
      throw error
    }
  }
}

/** Answers that carry a code are failures; `shape` makes the result out of the others. */
const settled = async (api, act, shape) => {
  try {
    const answer = await act()
    if (answer?.code) throw Object.assign(answer, { isServerAnswer: true })
    return { ...shape(answer), errMsg: `${api}:ok` }
  } catch (error) {
    throw fail(api, error)
  }
}

const checkData = (data) => {
  if (data === null || typeof data !== 'object')
    throw new Error(`parameter.data should be object instead of ${typeof data}`)
  if (Object.keys(data).length === 0) throw new Error('options.data must not be empty')
}

const wrapQuery = (query) => ({
  where: (condition) => wrapQuery(query.where(condition)),
  orderBy: (field, direction) => wrapQuery(query.orderBy(field, direction)),
  limit: (count) => wrapQuery(query.limit(count)),
  skip: (count) => wrapQuery(query.skip(count)),
  field: (fields) => wrapQuery(query.field(fields)),
  get: () =>
    settled(
      'collection.get',
      () => query.get(),
      ({ data }) => ({ data }),
    ),
  count: () =>
    settled(
      'collection.count',
      () => query.count(),
      ({ total }) => ({ total }),
    ),
  update: ({ data, multi } = {}) => {
    const change = () => {
      checkData(data)
      return (multi === false ? query.options({ multiple: false }) : query).update(data)
    }
    return settled('collection.update', change, ({ updated = 0 }) => ({ stats: { updated } }))
  },
  remove: ({ multi } = {}) =>
    settled(
      'collection.remove',
      () => (multi === false ? query.options({ multiple: false }) : query).remove(),
      ({ deleted }) => ({ stats: { removed: deleted } }),
    ),
})

const wrapDocument = (document, id, config) => ({
  field: (fields) => wrapDocument(document.field(fields), id, config),
  get: () =>
    settled(
      'document.get',
      () => document.get(),
      ({ data }) => {
        const found = Array.isArray(data) ? data[0] : data
        if (!found && config.throwOnNotFound !== false) throw `document with _id ${id} does not exist`
        return { data: found ?? null }
      },
    ),
  set: ({ data } = {}) => {
    const change = () => {
      checkData(data)
      return document.set(data)
    }
    return settled('document.set', change, ({ updated, upsertedId }) => ({
      _id: id,
      stats: { updated, created: upsertedId ? 1 : 0 },
    }))
  },
  update: ({ data } = {}) => {
    const change = () => {
      checkData(data)
      return document.update(data)
    }
    return settled('document.update', change, ({ updated }) => ({ stats: { updated } }))
  },
  remove: () =>
    settled(
      'document.remove',
      () => document.remove(),
      ({ deleted = 0 }) => ({ stats: { removed: deleted } }),
    ),
})

const STAGES = [
  ...['addFields', 'bucket', 'bucketAuto', 'count', 'geoNear', 'group', 'limit', 'lookup', 'match'],
  ...['project', 'replaceRoot', 'sample', 'skip', 'sort', 'sortByCount', 'unwind'],
]

const wrapAggregate = (aggregate) => {
  const stages = STAGES.map((name) => [name, (value) => wrapAggregate(aggregate[name](value))])
  const end = () =>
    settled(
      'collection.aggregate',
      () => aggregate.end(),
      ({ data }) => ({ list: data }),
    )
  return { ...Object.fromEntries(stages), end }
}

const wrapCollection = (collection, config) => ({
  ...wrapQuery(collection),
  doc: (id) => wrapDocument(collection.doc(id), id, config),
  add: ({ data } = {}) =>
    settled(
      'collection.add',
      () => collection.add(data),
      ({ id, ids }) => (ids ? { _ids: ids } : { _id: id }),
    ),
  aggregate: () => wrapAggregate(collection.aggregate()),
})

const wrapTransaction = (transaction, config) => ({
  collection: (name) => wrapCollection(transaction.collection(name), config),
  commit: () => transaction.commit(),
  rollback: (reason) => transaction.rollback(reason),
})

const createDatabase = (config) => {
  Db.reqClass = AdminRequester
  Db.getAccessToken = () => ''
  const db = new Db({ ...config, throwOnCode: false })
  const geo = Object.entries(db.Geo).map(([name, Shape]) => [
    name,
    typeof Shape === 'function' ? (...parameters) => new Shape(...parameters) : Shape,
  ])
  return {
    command: db.command,
    serverDate: db.serverDate,
    RegExp: db.RegExp,
    Geo: Object.fromEntries(geo),
    config,
    collection: (name) => wrapCollection(db.collection(name), config),
    createCollection: (name) =>
      settled(
        'createCollection',
        () => db.createCollection(name),
        ({ requestId }) => ({ requestId }),
      ),
    startTransaction: async () => wrapTransaction(await db.startTransaction(), config),
    runTransaction: (run, times) =>
      db.runTransaction((transaction) => run(wrapTransaction(transaction, config)), times),
  }
}

module.exports = { createDatabase }
