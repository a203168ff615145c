/** Fills two MariaDB databases with the same rows: `forum` with the right indexes, `bare` with primary keys only. */
import type { Connection } from 'mysql2/promise'
import mysql from 'mysql2/promise'
import { people, posts } from '../src/forum-data.ts'
import { SQL_INDEXES, SQL_TABLES } from './seed-sqlite.ts'

const ROWS_PER_INSERT = 1_000

export async function seedMariaDb(socketPath: string) {
  const connection = await mysql.createConnection({ socketPath, user: 'root' })
  await createTables(connection, 'forum')
  await fill(connection, 'users', people(), ({ id, openId, nickname, avatar }) => [id, openId, nickname, avatar])
  await fill(connection, 'posts', posts(), (post) => Object.values(post))
  await createTables(connection, 'bare')
  await connection.query('INSERT INTO bare.users SELECT * FROM forum.users')
  await connection.query('INSERT INTO bare.posts SELECT * FROM forum.posts')
  await connection.query('USE forum')
  for (const statement of SQL_INDEXES) await connection.query(statement)
  await connection.query('ANALYZE TABLE forum.users, forum.posts, bare.users, bare.posts')
  await connection.end()
}

async function createTables(connection: Connection, database: string) {
  await connection.query(`CREATE DATABASE ${database} CHARACTER SET utf8mb4`)
  await connection.query(`USE ${database}`)
  for (const statement of SQL_TABLES) await connection.query(statement)
  await connection.query(`CREATE TABLE forms (id INTEGER PRIMARY KEY AUTO_INCREMENT, user_id INTEGER NOT NULL,
    post_id INTEGER NOT NULL, name VARCHAR(50), phone VARCHAR(20), content TEXT, created_at BIGINT NOT NULL)`)
}

async function fill<Row>(
  connection: Connection,
  table: string,
  rows: Iterable<Row>,
  toValues: (row: Row) => unknown[],
) {
  let batch: unknown[][] = []
  const flush = async () => {
    if (batch.length) await connection.query(`INSERT INTO ${table} VALUES ?`, [batch])
    batch = []
  }
  for (const row of rows) {
    batch.push(toValues(row))
    if (batch.length >= ROWS_PER_INSERT) await flush()
  }
  await flush()
}
