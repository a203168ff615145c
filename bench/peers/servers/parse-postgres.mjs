/** Peer: Parse Server 9 on PostgreSQL, as its documentation starts it. */
import express from 'express'
import { ParseServer } from 'parse-server'

const [databaseURI] = process.argv.slice(2)
const server = new ParseServer({
  databaseURI,
  appId: 'bench',
  masterKey: 'bench-master',
  serverURL: 'http://127.0.0.1:1/parse',
  allowClientClassCreation: true,
  auth: { anonymous: { enabled: true } },
  silent: true,
  logLevel: 'error',
})
await server.start()
const app = express()
app.use('/parse', server.app)
const listening = app.listen(0, '127.0.0.1', () => console.log(`ready ${listening.address().port}`))
