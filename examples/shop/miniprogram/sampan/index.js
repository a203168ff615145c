require('./client.js').install(wx, { url: require('./server.js') })
