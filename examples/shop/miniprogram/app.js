require('./sampan/index.js')

App({
  onLaunch() {
    wx.cloud.init({ env: 'prod', traceUser: true })
  },
})
