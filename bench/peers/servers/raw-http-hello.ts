/** Peer: Node's own http module answering a constant: the physical limit of one core, with no work behind it. */
import { createServer } from 'node:http'

const ANSWER = JSON.stringify({ hello: 'world' })
const server = createServer((request, response) => {
  request.resume()
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': ANSWER.length })
  response.end(ANSWER)
})
server.listen(0, '127.0.0.1', () => {
  const address = server.address()
  console.log(`ready ${typeof address === 'object' ? address?.port : ''}`)
})
