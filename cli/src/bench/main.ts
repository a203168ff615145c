/**
 * The server that `sampan bench` measures: a process of its own, so that its CPU and memory can be told from the
 * generator's. Reads its options from the first argument, prints `ready <url>`, ends when asked.
 */
import { FORUM_COLLECTIONS, posts, toPostDocument } from '@sampan/bench'
import { readConfig } from '@sampan/server/config'
import { openLog, openLogDestination } from '@sampan/server/log'
import { startServer } from '@sampan/server/start-server'

export type OwnServerOptions = {
  readonly dataDir: string
  readonly posts: number
  readonly functionsRoot: string
  /** Whoever sends it acts as the owner. */
  readonly ownerToken: string
  readonly wechat: { readonly url: string; readonly appId: string; readonly secret: string }
}

const OWNER = { identity: { kind: 'administrator', id: 'bench', role: 'owner' } } as const
const POSTS_AT_ONCE = 1_000

// safe: only start-own-server.ts starts this file
const options = JSON.parse(process.argv[2] ?? '') as OwnServerOptions
const config = readConfig({
  ...process.env,
  PORT: '0',
  HOST: '127.0.0.1',
  DATA_DIR: options.dataDir,
  WECHAT_BASE_URL: options.wechat.url,
  WECHAT_APP_ID: options.wechat.appId,
  WECHAT_SECRET: options.wechat.secret,
})
const server = await startServer({
  config,
  log: openLog({ level: config.LOG_LEVEL, destination: openLogDestination(process.stderr.fd), isPretty: false }),
  project: {
    functionsRoot: options.functionsRoot,
    collections: FORUM_COLLECTIONS,
    seed: {},
    rooms: [{ name: 'bench-*', join: 'users', say: 'users' }],
    isWatched: false,
  },
  localToken: options.ownerToken,
  environment: process.env,
})

let batch = []
for (const post of posts(options.posts)) {
  batch.push(toPostDocument(post))
  if (batch.length < POSTS_AT_ONCE && post.id < options.posts) continue
  await server.resources.documents.add({ collection: 'bench_posts', documents: batch }, OWNER)
  batch = []
}
process.stdout.write(`ready ${server.url}\n`)

const stop = () => void server.close().then(() => process.exit(0))
process.once('SIGTERM', stop)
// The generator is gone: nobody else could stop this server.
process.once('disconnect', stop)
