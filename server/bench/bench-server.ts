/**
 * The real server, for measurements: starts on a free port with a data folder of its own and prints `ready <port>`.
 *
 *   node server/bench/bench-server.ts '{"dataDir": "…", "wechatUrl": "http://127.0.0.1:…"}'
 *
 * Without `wechatUrl` WeChat is answered inside the process: log-in then costs what our own work costs, as in the
 * hand-written servers it is compared with, which call nobody either.
 */
import { readConfig } from '../src/config.ts'
import type { CollectionDefinition } from '../src/features/documents/document-request.ts'
import { openLog, openLogDestination } from '../src/log.ts'
import { startServer } from '../src/start-server.ts'
import { seedForum } from './seed-forum.ts'

export type BenchServerOptions = {
  readonly dataDir: string
  readonly wechatUrl?: string
  readonly functionsRoot?: string
  readonly collections?: readonly CollectionDefinition[]
  /** Holds this many posts and everybody who may log in. */
  readonly forumPosts?: number
  /** Ends once the data lies in the folder: a server that has just stored 100,000 documents is no fresh server. */
  readonly seedsOnly?: boolean
  readonly settings?: Readonly<Record<string, string>>
}

// safe: written by the benchmarks that start this file
const options = JSON.parse(process.argv[2] ?? '{}') as BenchServerOptions
const config = readConfig({
  PORT: '0',
  DATA_DIR: options.dataDir,
  WECHAT_APP_ID: 'wx5a3f0d9c1b7e4f28',
  WECHAT_SECRET: 'a-secret-for-benchmarks',
  ...(options.wechatUrl && { WECHAT_BASE_URL: options.wechatUrl }),
  ...options.settings,
})
const server = await startServer({
  config,
  log: openLog({ level: config.LOG_LEVEL, destination: openLogDestination(process.stderr.fd), isPretty: false }),
  project: {
    functionsRoot: options.functionsRoot,
    collections: options.collections ?? [],
    seed: {},
    rooms: [{ name: 'bench-*', join: 'users', say: 'users' }],
    isWatched: false,
  },
  localToken: '',
  environment: process.env,
})
if (!options.wechatUrl) Object.assign(server.resources.login, { wechat: { codeToSession } })
if (options.forumPosts) await seedForum(server, config.WECHAT_APP_ID, options.forumPosts)
if (options.seedsOnly) {
  await server.close()
  process.exit(0)
}
console.log(`ready ${new URL(server.url).port}`)

process.once('SIGTERM', () => void server.close().then(() => process.exit(0)))

/** `sim:<user>:<nonce>`, as the simulator understands it. */
async function codeToSession(code: string) {
  return { openId: code.split(':')[1] ?? code, sessionKey: 'c2Vzc2lvbi1rZXktMTIzNA==' }
}
