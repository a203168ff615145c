const db = wx.cloud.database()
const app = getApp()

Page({
  data: {
    openid: '',
    profileId: '',
    nickname: '',
    avatar: '',
    isSaving: false,
    error: '',
  },

  onLoad() {
    return this.load()
  },

  onRetry() {
    return this.load()
  },

  async load() {
    this.setData({ error: '' })
    try {
      const { result } = await wx.cloud.callFunction({ name: 'login' })
      app.globalData.openid = result.openid
      this.setData({ openid: result.openid })
      const { data } = await db.collection('users').where({ _openid: result.openid }).limit(1).get()
      const [profile] = data
      if (profile) this.setData({ profileId: profile._id, nickname: profile.nickname, avatar: profile.avatar })
    } catch (error) {
      console.error(error)
      this.setData({ error: '登录失败，请检查网络后重试' })
    }
  },

  onNickname(event) {
    this.setData({ nickname: event.detail.value })
  },

  async onAvatar(event) {
    const filePath = event.detail.avatarUrl
    wx.showLoading({ title: '正在上传' })
    try {
      const { fileID } = await wx.cloud.uploadFile({ cloudPath: `avatars/${Date.now()}.png`, filePath })
      const { fileList } = await wx.cloud.getTempFileURL({ fileList: [fileID] })
      this.setData({ avatar: fileList[0].tempFileURL ? fileID : '' })
      await this.save()
    } catch (error) {
      console.error(error)
      wx.showToast({ title: '上传失败，请重试', icon: 'none' })
    } finally {
      wx.hideLoading()
    }
  },

  async onSave() {
    if (!this.data.nickname.trim()) {
      wx.showToast({ title: '请填写昵称', icon: 'none' })
      return
    }
    this.setData({ isSaving: true })
    try {
      await this.save()
      wx.showToast({ title: '已保存' })
    } catch (error) {
      console.error(error)
      wx.showToast({ title: '保存失败，请重试', icon: 'none' })
    } finally {
      this.setData({ isSaving: false })
    }
  },

  async save() {
    const { profileId, nickname, avatar } = this.data
    const users = db.collection('users')
    if (profileId) {
      await users.doc(profileId).update({ data: { nickname, avatar, updatedAt: db.serverDate() } })
      return
    }
    const { _id } = await users.add({ data: { nickname, avatar, createdAt: db.serverDate() } })
    this.setData({ profileId: _id })
  },
})
