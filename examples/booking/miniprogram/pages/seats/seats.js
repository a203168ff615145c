const db = wx.cloud.database()

const PAGE_SIZE = 20
const ZONES = ['全部', '靠窗', '安静', '讨论']

Page({
  data: {
    zones: ZONES,
    zone: ZONES[0],
    seats: [],
    total: 0,
    isLoading: false,
    hasMore: true,
    error: '',
  },

  onLoad() {
    this.reload()
  },

  async onPullDownRefresh() {
    await this.reload()
    wx.stopPullDownRefresh()
  },

  onReachBottom() {
    return this.loadMore()
  },

  onZone(event) {
    this.setData({ zone: event.currentTarget.dataset.zone })
    return this.reload()
  },

  onSeat(event) {
    wx.navigateTo({ url: `/pages/seat/seat?id=${event.currentTarget.dataset.id}` })
  },

  onRetry() {
    return this.loadMore()
  },

  async reload() {
    this.setData({ seats: [], total: 0, hasMore: true, error: '' })
    await this.loadMore()
  },

  async loadMore() {
    if (this.data.isLoading || !this.data.hasMore) return
    this.setData({ isLoading: true, error: '' })
    try {
      const { zone, seats } = this.data
      const query = zone === ZONES[0] ? db.collection('seats') : db.collection('seats').where({ zone })
      const [page, { total }] = await Promise.all([
        query.orderBy('number', 'asc').skip(seats.length).limit(PAGE_SIZE).get(),
        query.count(),
      ])
      const all = seats.concat(page.data.map(toItem))
      this.setData({ seats: all, total, hasMore: page.data.length === PAGE_SIZE && all.length < total })
    } catch (error) {
      console.error(error)
      this.setData({ error: '加载失败，请检查网络后重试' })
    } finally {
      this.setData({ isLoading: false })
    }
  },
})

function toItem(seat) {
  return { ...seat, price: (seat.priceFen / 100).toFixed(2) }
}
