const { periodText } = require('../../lib/slots')

const db = wx.cloud.database()
const _ = db.command

const PAGE_SIZE = 20

Page({
  data: {
    bookings: [],
    isLoading: false,
    hasMore: true,
    error: '',
  },

  onShow() {
    return this.reload()
  },

  onReachBottom() {
    return this.loadMore()
  },

  onRetry() {
    return this.reload()
  },

  async reload() {
    this.setData({ bookings: [], hasMore: true })
    await this.loadMore()
  },

  async loadMore() {
    if (this.data.isLoading || !this.data.hasMore) return
    this.setData({ isLoading: true, error: '' })
    try {
      // 集合权限为“仅创建者可读写”，所以查到的只有自己的预约。
      const { data } = await db
        .collection('bookings')
        .where({ date: _.gte(today()) })
        .orderBy('date', 'asc')
        .orderBy('createdAt', 'asc')
        .skip(this.data.bookings.length)
        .limit(PAGE_SIZE)
        .get()
      this.setData({
        bookings: this.data.bookings.concat(data.map(toItem)),
        hasMore: data.length === PAGE_SIZE,
      })
    } catch (error) {
      console.error(error)
      this.setData({ error: '加载失败，请检查网络后重试' })
    } finally {
      this.setData({ isLoading: false })
    }
  },

  async onCancel(event) {
    const { id } = event.currentTarget.dataset
    const { confirm } = await wx.showModal({ title: '取消预约', content: '确定取消这个预约吗？' })
    if (!confirm) return
    wx.showLoading({ title: '正在取消' })
    try {
      const { result } = await wx.cloud.callFunction({ name: 'cancel', data: { id } })
      wx.showToast({ title: result.code === 0 ? '已取消' : result.message, icon: 'none' })
      await this.reload()
    } catch (error) {
      console.error(error)
      wx.showToast({ title: '取消失败，请重试', icon: 'none' })
    } finally {
      wx.hideLoading()
    }
  },
})

const BEIJING_MS = 8 * 60 * 60 * 1000
const today = () => new Date(Date.now() + BEIJING_MS).toISOString().slice(0, 10)

function toItem(booking) {
  return { ...booking, period: periodText(booking.period), createdAt: booking.createdAt.toLocaleString() }
}
