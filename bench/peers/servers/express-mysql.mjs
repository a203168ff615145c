/** Peer: the usual advice, Express 5 and mysql2 with a pool, `SELECT *`, one commit per request. */
import express from 'express'
import mysql from 'mysql2/promise'
import { signToken, verifyToken } from './signed-token.ts'

const [socketPath, database] = process.argv.slice(2)
const pool = mysql.createPool({ socketPath, user: 'root', database, connectionLimit: 20 })
const app = express()
app.use(express.json())

app.post('/login', async (request, response) => {
  const [rows] = await pool.query('SELECT * FROM users WHERE open_id = ?', [request.body.openId])
  if (!rows[0]) return response.status(401).json({ error: 'unknown user' })
  response.json({ token: signToken(rows[0].id) })
})

app.use((request, response, next) => {
  request.userId = verifyToken(request.headers.authorization)
  if (request.userId === undefined) return response.status(401).json({})
  next()
})

app.get('/posts', async (request, response) => {
  const [rows] = await pool.query(
    "SELECT * FROM posts WHERE category = ? AND status = 'open' ORDER BY created_at DESC LIMIT 20",
    [Number(request.query.category)],
  )
  response.json({ data: rows })
})

app.get('/posts/:id', async (request, response) => {
  const [rows] = await pool.query('SELECT * FROM posts WHERE id = ?', [Number(request.params.id)])
  response.json({ data: rows[0] })
})

app.post('/forms', async (request, response) => {
  const { postId, name, phone, content } = request.body
  const [result] = await pool.query(
    'INSERT INTO forms (user_id, post_id, name, phone, content, created_at) VALUES (?, ?, ?, ?, ?, ?)',
    [request.userId, postId, name, phone, content, Date.now()],
  )
  response.json({ id: result.insertId })
})

const server = app.listen(0, '127.0.0.1', () => console.log(`ready ${server.address().port}`))
