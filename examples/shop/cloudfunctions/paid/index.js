const cloud = require('wx-server-sdk')

cloud.init({ env: cloud.DYNAMIC_CURRENT_ENV })

const db = cloud.database()

/** 付款或退款的结果。可能重复收到，所以用订单号作 _id：发货单只有一张。 */
exports.main = async ({ outTradeNo, userInfo, subOpenid, totalFee, refundStatus }) => {
  // 迟到的付款若已没有库存，会自动退款；这里只会收到退款，不会收到付款。
  if (refundStatus) return { errcode: 0 }
  const _openid = subOpenid || userInfo.openId
  await db
    .collection('deliveries')
    .doc(outTradeNo)
    .set({ data: { _openid, totalFee, state: 'waiting' } })
  return { errcode: 0 }
}
