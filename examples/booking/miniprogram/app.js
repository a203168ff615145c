require('./sampan/index.js') // 让 wx.cloud 连接自己的服务器；删掉这一行，就是普通的云开发小程序

App({
  onLaunch() {
    if (!wx.cloud) {
      console.error('请使用 2.2.3 或以上的基础库以使用云能力')
      return
    }
    wx.cloud.init({ env: 'prod', traceUser: true })
  },

  globalData: {
    openid: '',
  },
})
