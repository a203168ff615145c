const { PERIODS, nextDays, periodText } = require('../../lib/slots')

Page({
  data: {
    seatId: '',
    days: nextDays(),
    dayIndex: 0,
    periods: PERIODS,
    periodIndex: 0,
    name: '',
    phone: '',
    remark: '',
    isSubmitting: false,
    error: '',
  },

  onLoad({ seatId, date, period }) {
    const days = nextDays()
    this.setData({
      seatId,
      days,
      dayIndex: Math.max(
        0,
        days.findIndex((day) => day.date === date),
      ),
      periodIndex: Math.max(
        0,
        PERIODS.findIndex(({ id }) => id === period),
      ),
    })
  },

  onDay(event) {
    this.setData({ dayIndex: Number(event.detail.value), error: '' })
  },

  onPeriod(event) {
    this.setData({ periodIndex: Number(event.detail.value), error: '' })
  },

  onInput(event) {
    this.setData({ [event.currentTarget.dataset.field]: event.detail.value, error: '' })
  },

  onSubmit() {
    const { seatId, days, dayIndex, periodIndex, name, phone, remark, isSubmitting } = this.data
    if (isSubmitting) return
    if (!name.trim()) return this.setData({ error: '请填写姓名' })
    if (!/^1\d{10}$/.test(phone)) return this.setData({ error: '请填写 11 位手机号' })

    this.setData({ isSubmitting: true, error: '' })
    wx.showLoading({ title: '正在预约' })
    const date = days[dayIndex].date
    const period = PERIODS[periodIndex].id
    wx.cloud.callFunction({
      name: 'book',
      data: { seatId, date, period, name: name.trim(), phone, remark: remark.trim() },
      success: ({ result }) => {
        if (result.code !== 0) return this.setData({ error: result.message })
        wx.showToast({ title: '预约成功' })
        wx.switchTab({ url: '/pages/mine/mine' })
      },
      fail: (error) => {
        console.error(error)
        this.setData({ error: `预约 ${date} ${periodText(period)} 失败，请稍后重试` })
      },
      complete: () => {
        wx.hideLoading()
        this.setData({ isSubmitting: false })
      },
    })
  },
})
