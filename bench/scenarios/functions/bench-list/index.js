const cloud = require('wx-server-sdk')

cloud.init({ env: cloud.DYNAMIC_CURRENT_ENV })
const db = cloud.database()

/** Reads one page, as most cloud functions do. */
exports.main = async ({ category }) => {
  const { data } = await db
    .collection('bench_posts')
    .where({ category, status: 'open' })
    .orderBy('createdAt', 'desc')
    .limit(20)
    .field({ title: true, cover: true, summary: true, likes: true, createdAt: true })
    .get()
  return { data }
}
