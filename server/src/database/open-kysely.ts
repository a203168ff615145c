/**
 * Typed SQL (Kysely) over our own database: the same connection, deadline and durability as everything else. One statement
 * at a time; several in one transaction are a transaction script, because SQLite runs those in its writer thread.
 */
import {
  type CompiledQuery,
  type DatabaseConnection,
  Kysely,
  type Dialect as KyselyDialect,
  MysqlAdapter,
  MysqlIntrospector,
  MysqlQueryCompiler,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  type QueryResult,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from 'kysely'
import { AppError } from '../errors.ts'
import type { Database, SqlValue } from './database.ts'
import { runStatement } from './run-statement.ts'

const PARTS = {
  sqlite: { Adapter: SqliteAdapter, Compiler: SqliteQueryCompiler, Introspector: SqliteIntrospector },
  mysql: { Adapter: MysqlAdapter, Compiler: MysqlQueryCompiler, Introspector: MysqlIntrospector },
  postgres: { Adapter: PostgresAdapter, Compiler: PostgresQueryCompiler, Introspector: PostgresIntrospector },
} as const

/** Rows that one INSERT, UPDATE or DELETE with RETURNING may answer. */
const ROWS_MAX = 10_000

/** @returns a Kysely for tables of the project's own migrations. Its `transaction()` throws `not_supported`. */
export function openKysely<Tables>(database: Database): Kysely<Tables> {
  const { Adapter, Compiler, Introspector } = PARTS[database.dialect.name]
  const connection: DatabaseConnection = {
    executeQuery: (query) => execute(database, query),
    streamQuery() {
      throw new AppError('not_supported', 'Streaming is not supported; ask for pages.')
    },
  }
  const refuse = async () => {
    throw new AppError(
      'not_supported',
      'Use transact() with a transaction script for several statements in one transaction.',
    )
  }
  const dialect: KyselyDialect = {
    createAdapter: () => new Adapter(),
    createQueryCompiler: () => new Compiler(),
    createIntrospector: (kysely) => new Introspector(kysely),
    createDriver: () => ({
      init: async () => {},
      acquireConnection: async () => connection,
      beginTransaction: refuse,
      commitTransaction: refuse,
      rollbackTransaction: refuse,
      releaseConnection: async () => {},
      destroy: async () => {},
    }),
  }
  return new Kysely<Tables>({ dialect })
}

async function execute<Row>(database: Database, query: CompiledQuery): Promise<QueryResult<Row>> {
  const params = query.parameters.map(toSqlValue)
  if (query.query.kind === 'SelectQueryNode') {
    return { rows: (await database.read(query.sql, params)) as Row[] } // safe: the caller names the type of its own rows
  }
  const { rows, changes } = await database.transact(runStatement, {
    sql: query.sql,
    params,
    isReturning: /\breturning\b/i.test(query.sql),
    rowsMax: ROWS_MAX,
  })
  return { rows: rows as Row[], numAffectedRows: BigInt(changes) } // safe: as above
}

function toSqlValue(value: unknown): SqlValue {
  if (value === null || value === undefined) return null
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'bigint') return value
  if (typeof value === 'boolean') return value ? 1 : 0
  if (value instanceof Uint8Array) return value
  if (value instanceof Date) return value.getTime()
  throw new AppError('invalid_request', `SQL takes no parameter of type ${typeof value}; store JSON.stringify(value).`)
}
