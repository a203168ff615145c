/**
 * What CloudBase does not have: `await cloud.sql()` is Kysely on the tables of the project's own migrations, and
 * `cloud.together(steps)` writes documents and SQL in one transaction.
 */
const { fail } = require('./light-errors.cjs')
const { ask } = require('./light-request.cjs')

const asked = async (api, action, fields) => {
  try {
    return (await ask(action, fields)).data
  } catch (error) {
    throw fail(api, error)
  }
}

const asParameter = (value) => {
  if (value === undefined) return null
  if (typeof value === 'bigint') return String(value)
  if (value instanceof Date) return value.getTime()
  if (value instanceof Uint8Array) return { $binary: { base64: Buffer.from(value).toString('base64'), subType: '00' } }
  return value
}

const connection = {
  async executeQuery({ sql, parameters }) {
    const { rows, changes } = await asked('sql', 'sampan.sql', { sql, params: parameters.map(asParameter) })
    return { rows, numAffectedRows: BigInt(changes) }
  },
}

const refuse = async () => {
  throw fail('sql', new Error('Use cloud.together([…]) for several statements in one transaction.'))
}

let opening
const open = async () => {
  const { dialect } = await asked('sql', 'sampan.dialect', {})
  const kysely = require('kysely')
  const name = { sqlite: 'Sqlite', mysql: 'Mysql', postgres: 'Postgres' }[dialect]
  return new kysely.Kysely({
    dialect: {
      createAdapter: () => new kysely[`${name}Adapter`](),
      createQueryCompiler: () => new kysely[`${name}QueryCompiler`](),
      createIntrospector: (db) => new kysely[`${name}Introspector`](db),
      createDriver: () => ({
        init: async () => {},
        acquireConnection: async () => connection,
        beginTransaction: refuse,
        commitTransaction: refuse,
        rollbackTransaction: refuse,
        releaseConnection: async () => {},
        destroy: async () => {},
      }),
    },
  })
}

const sql = () => {
  opening ??= open().catch((error) => {
    opening = undefined
    throw error
  })
  return opening
}

/** A step may be a query of Kysely's: `{ query, changes }`. */
const asStep = ({ query, ...step }) => {
  const compiled = query?.compile()
  const { sql: text, parameters } = compiled ?? { sql: step.sql, parameters: step.params ?? [] }
  return text === undefined ? step : { ...step, sql: text, params: parameters.map(asParameter) }
}

const together = async (steps) => (await asked('together', 'sampan.together', { steps: steps.map(asStep) })).outcomes

module.exports = { sql, together }
