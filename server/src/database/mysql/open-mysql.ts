/** MySQL 8 and MariaDB 10.11 or later, through mysql2; only what both of them have. */
import { Socket } from 'node:net'
import { type Connection, createConnection, type FieldPacket, type QueryResult } from 'mysql2'
import type { Database, Row, SqlStep, SqlValue, StepResult } from '../database.ts'
import type { Driver, DriverConnection } from '../networked/driver.ts'
import { unavailable } from '../networked/driver.ts'
import { type NetworkedSettings, openNetworked } from '../networked/open-networked.ts'
import { parseExactNumber, withWholeNumbers } from '../sql-value.ts'
import { mysqlDialect } from './mysql-dialect.ts'
import { toMysqlError } from './mysql-errors.ts'

/** Prepared per connection. */
const STATEMENTS_MAX = 256
const LOCK_WAIT_SECONDS = 5
/** Routers forget connections that are silent for minutes. */
const KEEP_ALIVE_MS = 60_000
const DEFAULT_PORT = 3306
/** Column types of the wire protocol. */
const LONGLONG = 8
const NEWDECIMAL = 246

const SESSION_SETTINGS = [
  // What the other two databases do: a statement sees what is committed when it begins.
  'SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED',
  `SET SESSION innodb_lock_wait_timeout = ${LOCK_WAIT_SECONDS}, time_zone = '+00:00',
     sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION,ERROR_FOR_DIVISION_BY_ZERO,PIPES_AS_CONCAT'`,
]

/** @throws {AppError} `database_unavailable` if the server does not answer now */
export async function openMysql(settings: NetworkedSettings): Promise<Database> {
  const { url } = settings
  const first = await connect(url, FIRST_CONNECT_TIMEOUT_MS, () => {}).catch((error) => {
    throw toMysqlError(error)
  })
  const { rows } = await first.run({ sql: 'SELECT VERSION() AS version', want: 'rows' })
  await first.end()

  const driver: Driver = {
    dialect: mysqlDialect(String(rows[0]?.['version'])),
    connect: (timeoutMs, onLost) => connect(url, timeoutMs, onLost),
    async cancel(serverId, timeoutMs) {
      const connection = await connect(url, timeoutMs, () => {})
      await connection.control(`KILL QUERY ${serverId}`)
      await connection.end()
    },
    toDatabaseError: toMysqlError,
    forgetStatements() {}, // the server prepares again by itself
  }
  return openNetworked(driver, settings)
}

const FIRST_CONNECT_TIMEOUT_MS = 5_000

async function connect(url: string, timeoutMs: number, onLost: () => void): Promise<DriverConnection> {
  const socket = new Socket()
  const { hostname, port, searchParams } = new URL(url)
  const socketPath = searchParams.get('socketPath')
  const address = socketPath
    ? { path: socketPath }
    : { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port) || DEFAULT_PORT }
  const connection = createConnection({
    uri: url,
    // Our own socket, because only destroying it ends the wait for a frozen server.
    stream: () => socket.connect(address).setNoDelay(true).setKeepAlive(true, KEEP_ALIVE_MS),
    charset: 'utf8mb4_bin',
    supportBigNumbers: true,
    dateStrings: true,
    jsonStrings: true,
    maxPreparedStatements: STATEMENTS_MAX,
    multipleStatements: false,
  })
  const timer = setTimeout(() => socket.destroy(unavailable('The database does not answer.')), timeoutMs)
  try {
    await new Promise<void>((resolve, reject) => {
      connection.once('connect', () => resolve())
      connection.once('error', reject)
    })
    for (const sql of SESSION_SETTINGS) await control(connection, sql)
  } catch (error) {
    socket.destroy()
    throw error
  } finally {
    clearTimeout(timer)
  }
  connection.on('error', onLost)
  socket.once('close', onLost)

  return {
    serverId: connection.threadId ?? 0,
    run: (step) => run(connection, step),
    control: (sql) => control(connection, sql),
    end: () => new Promise((resolve) => connection.end(() => resolve())),
    destroy: () => void socket.destroy(),
  }
}

function control(connection: Connection, sql: string): Promise<void> {
  return new Promise((resolve, reject) => connection.query(sql, (error) => (error ? reject(error) : resolve())))
}

function run(connection: Connection, { sql, params = [], want, locksRows }: SqlStep): Promise<StepResult> {
  return new Promise((resolve, reject) => {
    const answer = (error: Error | null, result: QueryResult, fields: FieldPacket[]) => {
      if (error) reject(error)
      else resolve(toStepResult(result, fields, want === 'rows'))
    }
    const text = locksRows ? `${sql} FOR UPDATE` : sql
    try {
      connection.execute(text, params.map(withWholeNumbers), answer)
    } catch (error) {
      reject(error) // a parameter that cannot be encoded
    }
  })
}

function toStepResult(result: QueryResult, fields: FieldPacket[] | undefined, wantsRows: boolean): StepResult {
  if (!Array.isArray(result)) return { rows: [], changes: result.affectedRows }
  const rows = result as unknown as Row[] // safe: with the options above a SELECT answers rows of SqlValues
  if (!wantsRows) return { rows: [], changes: 0 }
  for (const { name, columnType } of fields ?? [])
    if (columnType === LONGLONG || columnType === NEWDECIMAL)
      for (const row of rows) row[name] = toExact(row[name] ?? null)
  return { rows, changes: 0 }
}

/** mysql2 answers integers as text when they are too large for a number, and decimals always. */
const toExact = (value: SqlValue) => (typeof value === 'string' ? parseExactNumber(value) : value)
