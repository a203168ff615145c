const cloud = require('wx-server-sdk')

cloud.init({ env: cloud.DYNAMIC_CURRENT_ENV })

const db = cloud.database()
const _ = db.command

const BEIJING_MS = 8 * 60 * 60 * 1000

// 小程序端读不到别人的预约，所以由云函数只返回“哪些时段已被占用”。
exports.main = async ({ seatId }) => {
  const today = new Date(Date.now() + BEIJING_MS).toISOString().slice(0, 10)
  const { data } = await db
    .collection('bookings')
    .where({ seatId: _.eq(String(seatId)), date: _.gte(today) })
    .field({ date: true, period: true })
    .get()
  return { taken: data.map(({ date, period }) => `${date}_${period}`) }
}
