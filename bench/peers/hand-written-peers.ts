/** The peers that are one small script each: the floor (as usual advice has it) and the ceilings. */
import { existsSync } from 'node:fs'
import path from 'node:path'
import { ACTIVE_USERS, FORUM_STEPS } from './forum-mix.ts'
import { type Peer, type PeerFolders, type RunningPeer, type Server, startServer, type User } from './peer.ts'
import { hasMariaDb, MARIADB_DURABILITY, startPrivateMariaDb } from './private-mariadb.ts'
import { seedMariaDb } from './seed-mariadb.ts'
import { copySeededSqlite } from './seed-sqlite.ts'
import { signToken } from './servers/signed-token.ts'

const SQLITE_DURABILITY = 'SQLite WAL, synchronous=FULL, group commit'

const script = (name: string) => path.join(import.meta.dirname, 'servers', name)

export const handWrittenUsers: readonly User[] = Array.from({ length: ACTIVE_USERS }, (_, index) => ({
  name: `o-bench-${index + 1}`,
  token: signToken(index + 1),
}))

const running = (server: Server, extraPids: readonly number[] = []): RunningPeer => ({
  port: server.port,
  steps: FORUM_STEPS,
  users: handWrittenUsers,
  pids: [server.pid, ...extraPids],
  stop: server.stop,
})

function sqlitePeer(name: string, file: string, about: string, cpu: string): Peer {
  return {
    name,
    about,
    durability: SQLITE_DURABILITY,
    async start({ cache, run }) {
      return running(await startServer({ script: script(file), args: [copySeededSqlite(cache, run)], cpu }))
    },
  }
}

function expressPeer(name: string, database: string, about: string, cpu: string): Peer {
  return {
    name,
    about,
    durability: MARIADB_DURABILITY,
    missing: () => {
      if (!hasMariaDb()) return 'MariaDB is not installed (apt-get install mariadb-server)'
      return existsSync(path.join(import.meta.dirname, 'node_modules/express')) ? undefined : 'express is not installed'
    },
    async start({ run }: PeerFolders) {
      const mariaDb = await startPrivateMariaDb(run, cpu)
      await seedMariaDb(mariaDb.socketPath)
      const server = await startServer({
        script: script('express-mysql.mjs'),
        args: [mariaDb.socketPath, database],
        cpu,
      })
      const stop = async () => {
        await server.stop()
        await mariaDb.stop()
      }
      return { ...running(server, [mariaDb.pid]), stop }
    },
  }
}

export const handWrittenPeers = (cpu: string): Peer[] => [
  {
    name: 'raw-http-hello',
    about: 'node:http answering a constant: the physical limit',
    durability: 'stores nothing',
    start: async () => running(await startServer({ script: script('raw-http-hello.ts'), cpu })),
  },
  sqlitePeer('raw-http', 'raw-http-sqlite.ts', 'node:http + hand-written SQLite: thread, group commit, caches', cpu),
  sqlitePeer('fastify', 'fastify-sqlite.ts', 'Fastify 5 + hand-written SQLite: thread, group commit, caches', cpu),
  expressPeer('express-indexed', 'forum', 'Express 5 + mysql2, SELECT *, with the right indexes', cpu),
  expressPeer('express-unindexed', 'bare', 'Express 5 + mysql2, SELECT *, primary keys only', cpu),
]
