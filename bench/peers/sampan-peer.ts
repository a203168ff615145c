/** Sampan itself, started as the measurements start it, with the same data as everybody else. */
import { spawnSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import path from 'node:path'
import { logInUsers } from '../src/bench-client.ts'
import { CATEGORIES, POSTS, USERS } from '../src/forum-data.ts'
import type { RequestStep } from '../src/request-template.ts'
import { ACTIVE_USERS, FORM_TEXT, MIX_WEIGHTS } from './forum-mix.ts'
import { type Peer, startServer } from './peer.ts'

export const BENCH_SERVER = path.resolve(import.meta.dirname, '../../server/bench/bench-server.ts')

export const SAMPAN_STEPS: readonly RequestStep[] = [
  {
    name: 'login',
    weight: MIX_WEIGHTS.login,
    method: 'POST',
    path: '/v1/login',
    body: { code: `sim:o-bench-{{integer 1 ${USERS}}}:{{unique}}` },
    isAnonymous: true,
  },
  {
    name: 'list',
    weight: MIX_WEIGHTS.list,
    method: 'POST',
    path: '/v1/documents/find',
    body: {
      collection: 'bench_posts',
      query: { category: `{{integer 0 ${CATEGORIES - 1}}}`, status: 'open' },
      order: { createdAt: -1 },
      limit: 20,
      projection: { title: 1, cover: 1, summary: 1, likes: 1, createdAt: 1 },
    },
  },
  {
    name: 'detail',
    weight: MIX_WEIGHTS.detail,
    method: 'POST',
    path: '/v1/documents/get',
    body: { collection: 'bench_posts', id: `post-{{integer 1 ${POSTS}}}` },
  },
  {
    name: 'submit',
    weight: MIX_WEIGHTS.submit,
    method: 'POST',
    path: '/v1/documents/add',
    body: {
      collection: 'bench_forms',
      data: { postId: `post-{{integer 1 ${POSTS}}}`, name: '船客', phone: '13800000000', content: FORM_TEXT },
    },
  },
]

type DatabaseOf = (folders: {
  run: string
  cpu: string
}) => Promise<{ url: string; pid: number; stop(): Promise<void> }>

type SampanOptions = {
  readonly name: string
  readonly about: string
  readonly cpu: string
  readonly durability?: string
  /** A database server of its own; without it, SQLite. */
  readonly startDatabase?: DatabaseOf
  readonly missing?: () => string | undefined
  /** Of the server alone, not of seeding. */
  readonly environment?: (folder: string) => NodeJS.ProcessEnv
}

const SQLITE_DURABILITY = 'SQLite WAL, synchronous=FULL, group commit; log-in writes a session'

export function sampanPeer({ name, about, cpu, durability, startDatabase, missing, environment }: SampanOptions): Peer {
  return {
    name,
    about,
    durability: durability ?? SQLITE_DURABILITY,
    ...(missing && { missing }),
    async start({ run }) {
      const database = await startDatabase?.({ run, cpu })
      const dataDir = path.join(run, 'data')
      mkdirSync(dataDir)
      const settings = database ? { DATABASE_URL: database.url } : {}
      const given = { dataDir, forumPosts: POSTS, settings }
      seed(given)
      const server = await startServer({
        script: BENCH_SERVER,
        args: [JSON.stringify(given)],
        cpu,
        env: environment?.(run) ?? {},
      })
      const users = await logInUsers(`http://127.0.0.1:${server.port}`, ACTIVE_USERS, 'peers')
      const stop = async () => {
        await server.stop()
        await database?.stop()
      }
      return {
        port: server.port,
        steps: SAMPAN_STEPS,
        users,
        pids: [server.pid, ...(database ? [database.pid] : [])],
        stop,
      }
    },
  }
}

function seed(given: object) {
  const seeded = spawnSync(process.execPath, [BENCH_SERVER, JSON.stringify({ ...given, seedsOnly: true })], {
    encoding: 'utf8',
  })
  if (seeded.status !== 0) throw new Error(`seeding failed: ${seeded.stderr.slice(-500)}`)
}
