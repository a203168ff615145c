const cloud = require('wx-server-sdk')

cloud.init()

exports.main = async (event) => {
  console.log('hello was called')
  return { greeting: `Hello ${event.name}`, openid: cloud.getWXContext().OPENID }
}
