/** PostgreSQL 14 or later, through pg. */
import { Socket } from 'node:net'
import { LRUCache } from 'lru-cache'
import pg from 'pg'
import type { Database, Row, SqlStep, SqlValue, StepResult } from '../database.ts'
import { type Driver, type DriverConnection, unavailable } from '../networked/driver.ts'
import { type NetworkedSettings, openNetworked } from '../networked/open-networked.ts'
import { numberPlaceholders } from '../sql-text.ts'
import { checkedValue, parseExactNumber } from '../sql-value.ts'
import { postgresDialect } from './postgres-dialect.ts'
import { isStalePlan, toPostgresError } from './postgres-errors.ts'

/** Texts whose placeholders were numbered lately. */
const TEXTS_MAX = 1_000
/** Distinct statements that connections keep prepared; the rest are parsed each time. */
const PREPARED_MAX = 256
const LOCK_TIMEOUT_MS = 5_000
/** Routers forget connections that are silent for minutes. */
const KEEP_ALIVE_MS = 60_000
/** A transaction whose owner vanished is given up after this. */
const IDLE_TRANSACTION_TIMEOUT_MS = 60_000

/** Type numbers of the wire protocol that become numbers; everything else but bytes is passed on as text. */
const OID = { bool: 16, bytea: 17, int8: 20, int2: 21, int4: 23, oid: 26, float4: 700, float8: 701, numeric: 1700 }

/** @throws {AppError} `database_unavailable` if the server does not answer now */
export async function openPostgres(settings: NetworkedSettings): Promise<Database> {
  const { url } = settings
  const statements = openStatements()
  const driver: Driver = {
    dialect: postgresDialect,
    connect: (timeoutMs, onLost) => connect(url, timeoutMs, onLost, statements),
    async cancel(serverId, timeoutMs) {
      const connection = await connect(url, timeoutMs, () => {}, statements)
      await connection.control(`SELECT pg_cancel_backend(${serverId})`)
      await connection.end()
    },
    toDatabaseError: toPostgresError,
    forgetStatements: () => statements.forget(),
  }
  return openNetworked(driver, settings)
}

type Statements = ReturnType<typeof openStatements>

/** Numbered texts, and the names under which connections prepare them. */
function openStatements() {
  const texts = new LRUCache<string, string>({ max: TEXTS_MAX })
  const names = new Map<string, string>()
  let generation = 0

  return {
    text(sql: string): string {
      let text = texts.get(sql)
      if (text === undefined) {
        text = numberPlaceholders(sql)
        texts.set(sql, text)
      }
      return text
    },
    /** undefined: not worth preparing. */
    findName(text: string): string | undefined {
      let name = names.get(text)
      if (!name && names.size < PREPARED_MAX) {
        name = `sampan_${generation}_${names.size}`
        names.set(text, name)
      }
      return name
    },
    forget() {
      names.clear()
      generation += 1
    },
  }
}

async function connect(
  url: string,
  timeoutMs: number,
  onLost: () => void,
  statements: Statements,
): Promise<DriverConnection> {
  const socket = new Socket()
  const client = new pg.Client({
    connectionString: url,
    // Our own socket, because only destroying it ends the wait for a frozen server.
    stream: () => socket,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_MS,
    application_name: 'sampan',
    lock_timeout: LOCK_TIMEOUT_MS,
    idle_in_transaction_session_timeout: IDLE_TRANSACTION_TIMEOUT_MS,
    types: { getTypeParser: (oid: number) => PARSERS.get(oid) ?? String },
  })
  client.on('error', onLost)
  client.on('end', onLost)
  const timer = setTimeout(() => socket.destroy(unavailable('The database does not answer.')), timeoutMs)
  try {
    await client.connect()
    // Compiling a plan costs more than it saves on statements as short as ours.
    await client.query("SET jit = off; SET TIME ZONE 'UTC'")
  } catch (error) {
    socket.destroy()
    throw error
  } finally {
    clearTimeout(timer)
  }
  return {
    serverId: processId(client),
    run: (step) => run(client, step, statements),
    async control(sql) {
      await client.query(sql)
    },
    end: () => client.end(),
    destroy: () => void socket.destroy(),
  }
}

/** Missing in the published types. */
const processId = (client: object) =>
  'processID' in client && typeof client.processID === 'number' ? client.processID : 0

async function run(
  client: pg.Client,
  { sql, params = [], want, locksRows }: SqlStep,
  statements: Statements,
): Promise<StepResult> {
  const text = statements.text(locksRows ? `${sql} FOR UPDATE` : sql)
  const name = statements.findName(text)
  const query = { text, values: params.map(toBound), ...(name && { name }) }
  const { rows, rowCount, command } = await client.query<Row>(query).catch((error: unknown) => {
    // Somebody else changed a table since the statement was prepared: the next attempt prepares it again.
    if (isStalePlan(error)) statements.forget()
    throw error
  })
  return { rows: want === 'rows' ? rows : [], changes: command === 'SELECT' ? 0 : (rowCount ?? 0) }
}

function toBound(value: SqlValue): SqlValue | Buffer {
  const checked = checkedValue(value)
  return checked instanceof Uint8Array ? Buffer.from(checked.buffer, checked.byteOffset, checked.byteLength) : checked
}

const PARSERS = new Map<number, (text: string) => SqlValue>([
  [OID.bool, (text) => (text === 't' ? 1 : 0)],
  [OID.bytea, (text) => Buffer.from(text.slice(2), 'hex')],
  [OID.int2, Number],
  [OID.int4, Number],
  [OID.oid, Number],
  [OID.float4, Number],
  [OID.float8, Number],
  [OID.int8, parseExactNumber],
  [OID.numeric, parseExactNumber],
])
