/** The forum that all measured servers hold, as Sampan stores it: posts as documents, people as known users. */
import { FORUM_COLLECTIONS, people, posts, toPostDocument } from '../../bench/src/forum-data.ts'
import { transactionScript } from '../src/database/database.ts'
import type { RunningServer } from '../src/start-server.ts'

const ROWS_AT_ONCE = 1_000
const OWNER = { identity: { kind: 'administrator', id: 'bench', role: 'owner' } } as const

export async function seedForum({ resources }: RunningServer, appId: string, mostPosts: number): Promise<void> {
  const { documents, database } = resources
  for (const definition of FORUM_COLLECTIONS) await documents.declareCollection(definition)
  if ((await documents.count({ collection: 'bench_posts' }, OWNER)) > 0) return
  for (const batch of batches(posts(mostPosts))) {
    await documents.add({ collection: 'bench_posts', documents: batch.map(toPostDocument) }, OWNER)
  }
  for (const batch of batches(people())) {
    await database.transact(insertUsers, { appId, openIds: batch.map(({ openId }) => openId) })
  }
}

export const insertUsers = transactionScript(
  import.meta.url,
  'insertUsers',
  function* ({ appId, openIds }: { appId: string; openIds: readonly string[] }) {
    for (const openId of openIds) {
      yield {
        sql: 'INSERT INTO users (app_id, open_id, created_at_ms, last_login_at_ms) VALUES (?, ?, 0, 0)',
        params: [appId, openId],
      }
    }
  },
)

function* batches<Item>(items: Iterable<Item>): Generator<Item[]> {
  let batch: Item[] = []
  for (const item of items) {
    batch.push(item)
    if (batch.length === ROWS_AT_ONCE) {
      yield batch
      batch = []
    }
  }
  if (batch.length) yield batch
}
