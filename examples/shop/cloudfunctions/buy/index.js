const cloud = require('wx-server-sdk')

cloud.init({ env: cloud.DYNAMIC_CURRENT_ENV })

const PRICES_FEN = { tea: 19900, cup: 8900 }
const MESSAGES = {
  sold_out: '已售罄，超时未付款的名额会放回，可稍后再来',
  limit_reached: '每人限购一件',
  not_started: '还没有开始',
  sale_ended: '活动已结束',
}

/** 先占住库存，再下单；预留的 id 就是订单号，付款、关单、退款时库存自动跟着变。 */
exports.main = async ({ item, key }) => {
  const data = { action: 'reserve', sale: 'spring', item, key }
  const { reservation, error } = (await cloud.callFunction({ name: 'sampan-stock', data })).result
  if (error) return { code: error.code, message: MESSAGES[error.code] || error.message }

  const order = await cloud.cloudPay.unifiedOrder({
    body: '春茶',
    outTradeNo: reservation.id,
    totalFee: PRICES_FEN[item],
    spbillCreateIp: '127.0.0.1',
    functionName: 'paid',
    envId: cloud.DYNAMIC_CURRENT_ENV,
    subMchId: '',
    nonceStr: reservation.id,
    tradeType: 'JSAPI',
  })
  if (order.resultCode !== 'SUCCESS') return { code: order.errCode, message: order.errCodeDes }
  return { code: 'ok', reservation, payment: order.payment }
}
