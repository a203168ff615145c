const { PERIODS, nextDays } = require('../../lib/slots')

const db = wx.cloud.database()

const PHOTOS = 9

Page({
  data: {
    seat: null,
    days: [],
    photos: [],
    isUploading: false,
    error: '',
  },

  onLoad({ id }) {
    this.seatId = id
  },

  // 从预约页返回时也要看到最新的空位。
  onShow() {
    return this.load()
  },

  async load() {
    this.setData({ error: '' })
    try {
      const [seat, availability, photos] = await Promise.all([
        db.collection('seats').doc(this.seatId).get(),
        wx.cloud.callFunction({ name: 'availability', data: { seatId: this.seatId } }),
        db.collection('photos').where({ seatId: this.seatId }).orderBy('createdAt', 'desc').limit(PHOTOS).get(),
      ])
      const taken = availability.result.taken
      const days = nextDays().map((day) => ({
        ...day,
        periods: PERIODS.map(({ id, text }) => ({
          id,
          text: text.split(' ')[0],
          isFree: !taken.includes(`${day.date}_${id}`),
        })),
      }))
      this.setData({ seat: seat.data, days, photos: photos.data })
    } catch (error) {
      console.error(error)
      const isGone = /cannot find document/.test(error.errMsg)
      this.setData({ error: isGone ? '这个座位已下线' : '加载失败，请检查网络后重试' })
    }
  },

  onRetry() {
    return this.load()
  },

  onSlot(event) {
    const { date, period, free } = event.currentTarget.dataset
    if (!free) {
      wx.showToast({ title: '该时段已被预约', icon: 'none' })
      return
    }
    wx.navigateTo({ url: `/pages/book/book?seatId=${this.seatId}&date=${date}&period=${period}` })
  },

  onPreview(event) {
    wx.previewImage({ current: event.currentTarget.dataset.src, urls: this.data.photos.map((photo) => photo.fileID) })
  },

  async onUpload() {
    if (this.data.isUploading) return
    const { tempFiles } = await wx.chooseMedia({ count: 1, mediaType: ['image'], sizeType: ['compressed'] })
    const filePath = tempFiles[0].tempFilePath
    const extension = (filePath.match(/\.\w+$/) || ['.jpg'])[0]
    this.setData({ isUploading: true })
    try {
      const { fileID } = await wx.cloud.uploadFile({
        cloudPath: `photos/${this.seatId}/${Date.now()}${extension}`,
        filePath,
      })
      await db.collection('photos').add({ data: { seatId: this.seatId, fileID, createdAt: db.serverDate() } })
      wx.showToast({ title: '已上传' })
      await this.load()
    } catch (error) {
      console.error(error)
      wx.showToast({ title: '上传失败，请重试', icon: 'none' })
    } finally {
      this.setData({ isUploading: false })
    }
  },
})
