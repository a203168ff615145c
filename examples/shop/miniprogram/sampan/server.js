// 各版本小程序使用的服务器地址；真机上的域名须为 https，并在微信公众平台配置。
module.exports = {
  develop: 'http://127.0.0.1:8080',
  trial: 'https://api.example.com',
  release: 'https://api.example.com',
}
