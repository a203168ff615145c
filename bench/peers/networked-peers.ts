/** Sampan on MariaDB and PostgreSQL, and hand-written SQL on the same two. */
import path from 'node:path'
import mysql from 'mysql2/promise'
import pg from 'pg'
import { people, posts } from '../src/forum-data.ts'
import { FORUM_STEPS } from './forum-mix.ts'
import { handWrittenUsers } from './hand-written-peers.ts'
import { type Peer, startServer } from './peer.ts'
import { hasMariaDb, MARIADB_DURABILITY, startPrivateMariaDb } from './private-mariadb.ts'
import { findPostgres, POSTGRES_DURABILITY, startPrivatePostgres } from './private-postgres.ts'
import { sampanPeer } from './sampan-peer.ts'
import { seedMariaDb } from './seed-mariadb.ts'
import { SQL_INDEXES, SQL_TABLES } from './seed-sqlite.ts'

const SERVER = path.join(import.meta.dirname, 'servers/fastify-networked.ts')
const ROWS_AT_ONCE = 500

const mariaDbMissing = () => (hasMariaDb() ? undefined : 'MariaDB is not installed (apt-get install mariadb-server)')
const postgresMissing = () => (findPostgres() ? undefined : 'PostgreSQL is not installed (apt-get install postgresql)')

export const networkedPeers = (cpu: string): Peer[] => [
  sampanPeer({
    name: 'sampan-mariadb',
    about: 'Sampan on MariaDB',
    cpu,
    durability: MARIADB_DURABILITY,
    missing: mariaDbMissing,
    async startDatabase({ run }) {
      const database = await startPrivateMariaDb(run, cpu)
      const connection = await mysql.createConnection(database.url)
      await connection.query('CREATE DATABASE sampan CHARACTER SET utf8mb4')
      await connection.end()
      return { ...database, url: `${database.url}/sampan` }
    },
  }),
  sampanPeer({
    name: 'sampan-postgres',
    about: 'Sampan on PostgreSQL',
    cpu,
    durability: POSTGRES_DURABILITY,
    missing: postgresMissing,
    startDatabase: ({ run }) => startPrivatePostgres(run, cpu),
  }),
  {
    name: 'fastify-mariadb',
    about: 'Fastify 5 + hand-written SQL over mysql2, prepared, narrow, indexed; no cache',
    durability: MARIADB_DURABILITY,
    missing: mariaDbMissing,
    async start({ run }) {
      const database = await startPrivateMariaDb(run, cpu)
      await seedMariaDb(database.socketPath)
      return handWritten('mysql', `${database.url}/forum`, database, cpu)
    },
  },
  {
    name: 'fastify-postgres',
    about: 'Fastify 5 + hand-written SQL over pg, prepared, narrow, indexed; no cache',
    durability: POSTGRES_DURABILITY,
    missing: postgresMissing,
    async start({ run }) {
      const database = await startPrivatePostgres(run, cpu)
      await seedPostgres(database.url)
      return handWritten('postgres', database.url, database, cpu)
    },
  },
]

async function handWritten(kind: string, url: string, database: { pid: number; stop(): Promise<void> }, cpu: string) {
  const server = await startServer({ script: SERVER, args: [kind, url], cpu })
  const stop = async () => {
    await server.stop()
    await database.stop()
  }
  return { port: server.port, steps: FORUM_STEPS, users: handWrittenUsers, pids: [server.pid, database.pid], stop }
}

async function seedPostgres(url: string) {
  const client = new pg.Client(url)
  await client.connect()
  for (const statement of SQL_TABLES) await client.query(statement)
  await client.query(`CREATE TABLE forms (id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, user_id INTEGER NOT NULL,
    post_id INTEGER NOT NULL, name TEXT, phone TEXT, content TEXT, created_at BIGINT NOT NULL)`)
  await insert(client, 'users', people(), ({ id, openId, nickname, avatar }) => [id, openId, nickname, avatar])
  await insert(client, 'posts', posts(), (post) => Object.values(post))
  for (const statement of SQL_INDEXES) await client.query(statement)
  await client.query('ANALYZE')
  await client.end()
}

async function insert<Row>(client: pg.Client, table: string, rows: Iterable<Row>, valuesOf: (row: Row) => unknown[]) {
  let batch: unknown[][] = []
  const flush = async () => {
    if (!batch.length) return
    const width = batch[0]?.length ?? 0
    const tuples = batch.map((_, row) => `(${batch[0]?.map((_, column) => `$${row * width + column + 1}`)})`)
    await client.query(`INSERT INTO ${table} VALUES ${tuples}`, batch.flat())
    batch = []
  }
  for (const row of rows) {
    batch.push(valuesOf(row))
    if (batch.length >= ROWS_AT_ONCE) await flush()
  }
  await flush()
}
