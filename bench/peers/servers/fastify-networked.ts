/** Peer: bare Fastify with hand-written SQL over mysql2 or pg: narrow columns, prepared statements, a pool. No cache. */
import fastify from 'fastify'
import mysql from 'mysql2/promise'
import pg from 'pg'
import { signToken, verifyToken } from './signed-token.ts'

type Query = (sql: string, values: readonly (string | number)[]) => Promise<Record<string, unknown>[]>

const [kind = '', place = ''] = process.argv.slice(2)
const POOL_SIZE = 8
const query = kind === 'mysql' ? openMysql(place) : openPostgres(place)

const LIST = `SELECT id, title, cover, summary, likes, created_at FROM posts
  WHERE category = ? AND status = 'open' ORDER BY created_at DESC LIMIT 20`
const INSERT =
  'INSERT INTO forms (user_id, post_id, name, phone, content, created_at) VALUES (?, ?, ?, ?, ?, ?)' +
  (kind === 'mysql' ? '' : ' RETURNING id')

const app = fastify()

app.post<{ Body: { openId: string } }>('/login', async (request, reply) => {
  const [user] = await query('SELECT id FROM users WHERE open_id = ?', [request.body.openId])
  return user ? { token: signToken(Number(user['id'])) } : reply.code(401).send()
})
app.get<{ Querystring: { category: string } }>('/posts', async (request, reply) => {
  if (verifyToken(request.headers.authorization) === undefined) return reply.code(401).send()
  return { data: await query(LIST, [Number(request.query.category)]) }
})
app.get<{ Params: { id: string } }>('/posts/:id', async (request, reply) => {
  if (verifyToken(request.headers.authorization) === undefined) return reply.code(401).send()
  const [post] = await query('SELECT * FROM posts WHERE id = ?', [Number(request.params.id)])
  return { data: post }
})
app.post<{ Body: { postId: number; name: string; phone: string; content: string } }>(
  '/forms',
  async (request, reply) => {
    const userId = verifyToken(request.headers.authorization)
    if (userId === undefined) return reply.code(401).send()
    const { postId, name, phone, content } = request.body
    const [row] = await query(INSERT, [userId, postId, name, phone, content, Date.now()])
    return { id: row?.['id'] }
  },
)

await app.listen({ port: 0, host: '127.0.0.1' })
const address = app.server.address()
console.log(`ready ${typeof address === 'object' ? address?.port : ''}`)

function openMysql(uri: string): Query {
  const pool = mysql.createPool({ uri, connectionLimit: POOL_SIZE })
  return async (sql, values) => {
    const [result] = await pool.execute(sql, [...values])
    return Array.isArray(result) ? (result as Record<string, unknown>[]) : [{ id: result.insertId }] // safe: rows of a SELECT
  }
}

function openPostgres(connectionString: string): Query {
  const pool = new pg.Pool({ connectionString, max: POOL_SIZE })
  return async (sql, values) => {
    let count = 0
    const text = sql.replace(/\?/g, () => `$${++count}`)
    return (await pool.query({ text, values: [...values], name: text.slice(0, 60) })).rows
  }
}
