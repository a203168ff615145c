const cloud = require('wx-server-sdk')

cloud.init({ env: cloud.DYNAMIC_CURRENT_ENV })

const db = cloud.database()

const PERIODS = ['morning', 'afternoon', 'evening']
const DAYS = 7
const DAY_MS = 24 * 60 * 60 * 1000
const BEIJING_MS = 8 * 60 * 60 * 1000

/**
 * 预约一个座位的一个时段。
 *
 * 两条规则都由数据库在同一次写入里保证，不会因为并发而失效：
 * - 一个座位的一个时段只有一个人：记录的 _id 就是“座位_日期_时段”；
 * - 一个人在一个时段只占一个座位：字段 personSlot 有唯一索引。
 */
exports.main = async (event) => {
  const { OPENID } = cloud.getWXContext()
  const problem = await check(event)
  if (problem) return { code: 400, message: problem }

  const { seatId, date, period, name, phone, remark = '' } = event
  const _id = `${seatId}_${date}_${period}`
  const personSlot = `${OPENID}_${date}_${period}`
  const booking = { _id, _openid: OPENID, personSlot, seatId, date, period, name, phone, remark }
  try {
    await db.collection('bookings').add({ data: { ...booking, createdAt: db.serverDate() } })
    return { code: 0, id: _id }
  } catch (error) {
    const message = await conflictOf(_id, personSlot)
    if (!message) throw error
    return { code: 409, message }
  }
}

async function check({ seatId, date, period, name, phone }) {
  const first = new Date(Date.now() + BEIJING_MS).toISOString().slice(0, 10)
  const last = new Date(Date.now() + BEIJING_MS + (DAYS - 1) * DAY_MS).toISOString().slice(0, 10)
  if (typeof date !== 'string' || date < first || date > last) return `只能预约 ${first} 至 ${last}`
  if (!PERIODS.includes(period)) return '请选择时段'
  if (typeof name !== 'string' || !name || name.length > 20) return '请填写姓名'
  if (!/^1\d{10}$/.test(phone)) return '请填写 11 位手机号'
  const { total } = await db
    .collection('seats')
    .where({ _id: String(seatId) })
    .count()
  return total ? '' : '没有这个座位'
}

async function conflictOf(_id, personSlot) {
  const bookings = db.collection('bookings')
  const [seat, person] = await Promise.all([bookings.where({ _id }).count(), bookings.where({ personSlot }).count()])
  if (person.total) return '你在这个时段已经有预约了'
  return seat.total ? '手慢了，这个时段刚被别人约走' : ''
}
