const cloud = require('wx-server-sdk')

cloud.init({ env: cloud.DYNAMIC_CURRENT_ENV })

const db = cloud.database()
const _ = db.command

const KEPT_DAYS = 30
const DAY_MS = 24 * 60 * 60 * 1000

// 定时触发：每天凌晨三点删除三十天前的预约。
exports.main = async () => {
  const before = new Date(Date.now() - KEPT_DAYS * DAY_MS).toISOString().slice(0, 10)
  const { stats } = await db
    .collection('bookings')
    .where({ date: _.lt(before) })
    .remove()
  console.log(`removed ${stats.removed} bookings before ${before}`)
  return { removed: stats.removed }
}
