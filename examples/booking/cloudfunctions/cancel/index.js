const cloud = require('wx-server-sdk')

cloud.init({ env: cloud.DYNAMIC_CURRENT_ENV })

const db = cloud.database()

exports.main = async ({ id }) => {
  const { OPENID } = cloud.getWXContext()
  // 条件里带上 _openid：只能取消自己的预约。
  const { stats } = await db
    .collection('bookings')
    .where({ _id: String(id), _openid: OPENID })
    .remove()
  return stats.removed ? { code: 0 } : { code: 404, message: '没有找到这个预约' }
}
