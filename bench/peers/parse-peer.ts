/** Parse Server 9 on PostgreSQL: the best known open-source backend for Node. */
import { existsSync } from 'node:fs'
import path from 'node:path'
import pg from 'pg'
import { CATEGORIES, POSTS, posts } from '../src/forum-data.ts'
import type { RequestStep } from '../src/request-template.ts'
import { FORM_TEXT, MIX_WEIGHTS } from './forum-mix.ts'
import { type Peer, startServer, type User } from './peer.ts'
import { findPostgres, POSTGRES_DURABILITY, startPrivatePostgres } from './private-postgres.ts'

/** Fewer than elsewhere: Parse takes some 8 ms to create one. */
const USERS = 200
const ROWS_AT_ONCE = 1_000
const APP = { 'x-parse-application-id': 'bench' }
const MASTER = { ...APP, 'x-parse-master-key': 'bench-master' }
const SESSION = { ...APP, 'x-parse-session-token': '{{token}}' }

const where = encodeURIComponent('{"category":').concat(
  `{{integer 0 ${CATEGORIES - 1}}}`,
  encodeURIComponent(',"status":"open"}'),
)

const STEPS: readonly RequestStep[] = [
  {
    name: 'login',
    weight: MIX_WEIGHTS.login,
    method: 'POST',
    path: '/parse/users',
    headers: APP,
    body: { authData: { anonymous: { id: `bench-{{integer 0 ${USERS - 1}}}` } } },
    isAnonymous: true,
  },
  {
    name: 'list',
    weight: MIX_WEIGHTS.list,
    method: 'GET',
    path: `/parse/classes/Post?where=${where}&order=-ts&limit=20&keys=title,cover,summary,likes,ts`,
    headers: SESSION,
    isAnonymous: true,
  },
  {
    name: 'detail',
    weight: MIX_WEIGHTS.detail,
    method: 'GET',
    path: `/parse/classes/Post/p{{integer 1 ${POSTS}}}`,
    headers: SESSION,
    isAnonymous: true,
  },
  {
    name: 'submit',
    weight: MIX_WEIGHTS.submit,
    method: 'POST',
    path: '/parse/classes/Form',
    headers: SESSION,
    body: { postId: `p{{integer 1 ${POSTS}}}`, name: '船客', phone: '13800000000', content: FORM_TEXT },
    isAnonymous: true,
  },
]

export const parsePeer = (cpu: string): Peer => ({
  name: 'parse-server',
  about: 'Parse Server 9 + PostgreSQL, with the right index',
  durability: POSTGRES_DURABILITY,
  missing() {
    if (!findPostgres()) return 'PostgreSQL is not installed (apt-get install postgresql)'
    const isInstalled = existsSync(path.join(import.meta.dirname, 'node_modules/parse-server'))
    return isInstalled ? undefined : 'parse-server is not installed'
  },
  async start({ run }) {
    const database = await startPrivatePostgres(run, cpu)
    const { host, port, user } = database
    const uri = `postgres://${user}@${host}:${port}/postgres`
    const server = await startServer({
      script: path.join(import.meta.dirname, 'servers/parse-postgres.mjs'),
      args: [uri],
      cpu,
      cwd: run,
    })
    const url = `http://127.0.0.1:${server.port}`
    await createClasses(url)
    await seed({ host, port, user, database: 'postgres' })
    const users = await createUsers(url)
    const stop = async () => {
      await server.stop()
      await database.stop()
    }
    return { port: server.port, steps: STEPS, users, pids: [server.pid, database.pid], stop }
  },
})

async function createClasses(url: string) {
  const field = (type: string) => ({ type })
  const fields = {
    ...{ category: field('Number'), status: field('String'), title: field('String'), cover: field('String') },
    ...{ summary: field('String'), body: field('String'), likes: field('Number'), ts: field('Number') },
  }
  await send(`${url}/parse/schemas/Post`, { className: 'Post', fields }, MASTER)
  await send(`${url}/parse/classes/Form`, { postId: 'p1', name: 'a', phone: '1', content: 'x' }, MASTER)
}

async function seed(connection: pg.ClientConfig) {
  const client = new pg.Client(connection)
  await client.connect()
  let batch: unknown[][] = []
  for (const post of posts()) {
    const { id, category, status, title, cover, summary, body, likes, createdAt } = post
    batch.push([`p${id}`, category, status, title, cover, summary, body, likes, createdAt])
    if (batch.length < ROWS_AT_ONCE && id < POSTS) continue
    const columns = batch[0]?.map((_, column) => batch.map((row) => row[column])) ?? []
    await client.query(
      `INSERT INTO "Post" ("objectId", category, status, title, cover, summary, body, likes, ts, "createdAt", "updatedAt")
       SELECT *, now(), now() FROM unnest($1::text[], $2::float8[], $3::text[], $4::text[], $5::text[], $6::text[],
         $7::text[], $8::float8[], $9::float8[])`,
      columns,
    )
    batch = []
  }
  await client.query('CREATE INDEX post_category ON "Post" (category, status, ts DESC)')
  await client.query('ANALYZE "Post"')
  await client.end()
}

async function createUsers(url: string): Promise<User[]> {
  const users: User[] = []
  for (let index = 0; index < USERS; index++) {
    const name = `bench-${index}`
    const { sessionToken } = await send(`${url}/parse/users`, { authData: { anonymous: { id: name } } })
    users.push({ name, token: String(sessionToken) })
  }
  return users
}

/** Without the master key a new user gets a session, with it none. */
async function send(
  url: string,
  body: unknown,
  headers: Record<string, string> = APP,
): Promise<Record<string, unknown>> {
  const answer = await fetch(url, {
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  const text = await answer.text()
  if (!answer.ok) throw new Error(`${url} answered ${answer.status}: ${text.slice(0, 200)}`)
  return JSON.parse(text) as Record<string, unknown> // safe: Parse answers objects
}
