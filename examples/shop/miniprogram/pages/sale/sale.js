const { openStock } = require('../../sampan/stock.js')

const stock = openStock(wx.cloud)

const SALE = 'spring'
const REFRESH_MS = 2000

Page({
  data: {
    items: [],
    mine: [],
    secondsLeft: 0,
    isBuying: false,
    error: '',
  },

  onShow() {
    this.timer = setInterval(() => this.refresh(), REFRESH_MS)
    return this.refresh()
  },

  onHide() {
    clearInterval(this.timer)
  },

  onUnload() {
    clearInterval(this.timer)
  },

  async refresh() {
    try {
      const [sale, mine] = await Promise.all([stock.status(SALE), stock.reservations(SALE)])
      // 倒计时按服务器的时钟：手机的时间可能不准。
      const secondsLeft = Math.max(0, Math.ceil(stock.msUntilStart(sale) / 1000))
      this.setData({
        items: sale.items,
        mine: mine.filter(({ state }) => state !== 'released'),
        secondsLeft,
        error: '',
      })
    } catch (error) {
      console.error(error)
      this.setData({ error: '加载失败，请检查网络后重试' })
    }
  },

  async onBuy(event) {
    if (this.data.isBuying) return
    const { item } = event.currentTarget.dataset
    // 同一个愿望用同一个 key：网络不好时反复点击，也只会占一件。
    this.keys = this.keys || {}
    this.keys[item] = this.keys[item] || `${item}-${Date.now()}-${Math.random()}`
    this.setData({ isBuying: true })
    try {
      const { result } = await wx.cloud.callFunction({ name: 'buy', data: { item, key: this.keys[item] } })
      if (result.code !== 'ok') {
        delete this.keys[item]
        wx.showToast({ title: result.message, icon: 'none' })
        return
      }
      await wx.requestPayment(result.payment)
      wx.showToast({ title: '付款成功' })
    } catch (error) {
      console.error(error)
      wx.showToast({ title: '还没有付款，可再点一次继续', icon: 'none' })
    } finally {
      this.setData({ isBuying: false })
      await this.refresh()
    }
  },

  async onRelease(event) {
    const { id } = event.currentTarget.dataset
    await stock.release(SALE, id)
    this.keys = {}
    await this.refresh()
  },
})
