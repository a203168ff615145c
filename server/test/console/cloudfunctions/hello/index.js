const cloud = require('wx-server-sdk')

cloud.init()

exports.main = async (event) => {
  console.log('hello was called')
  if (event.count) await cloud.database().collection(event.count).count()
  return { greeting: `Hello ${event.name}`, openid: cloud.getWXContext().OPENID }
}
