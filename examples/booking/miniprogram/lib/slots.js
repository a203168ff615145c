// 可预约的时段：今天起七天，每天三段。日期一律按北京时间。

const PERIODS = [
  { id: 'morning', text: '上午 8:00–12:00' },
  { id: 'afternoon', text: '下午 13:00–17:00' },
  { id: 'evening', text: '晚上 18:00–22:00' },
]
const DAYS = 7
const DAY_MS = 24 * 60 * 60 * 1000
const BEIJING_MS = 8 * 60 * 60 * 1000
const WEEKDAYS = ['日', '一', '二', '三', '四', '五', '六']

function nextDays(nowMs = Date.now()) {
  return Array.from({ length: DAYS }, (_, index) => {
    const day = new Date(nowMs + BEIJING_MS + index * DAY_MS)
    const date = day.toISOString().slice(0, 10)
    const label = index === 0 ? '今天' : index === 1 ? '明天' : `周${WEEKDAYS[day.getUTCDay()]}`
    return { date, text: `${label} ${date.slice(5)}` }
  })
}

const periodText = (id) => (PERIODS.find((period) => period.id === id) || { text: id }).text

module.exports = { PERIODS, nextDays, periodText }
