/** Peer: Node's own http module over the same hand-written store: no framework at all. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { openHandWrittenStore } from './hand-written-store.ts'
import { signToken, verifyToken } from './signed-token.ts'

const [file = ''] = process.argv.slice(2)
const store = openHandWrittenStore(file)

const server = createServer((request, response) => {
  const { method, url = '' } = request
  if (method === 'POST') void readBody(request).then((text) => post(url, text, request, response))
  else get(url, request, response)
})

function get(url: string, request: IncomingMessage, response: ServerResponse) {
  if (verifyToken(request.headers.authorization) === undefined) answer(response, 401, '{}')
  else if (url.startsWith('/posts?category=')) answer(response, 200, store.list(Number(url.slice(16))))
  else if (url.startsWith('/posts/')) answer(response, 200, store.detail(Number(url.slice(7))))
  else answer(response, 404, '{}')
}

async function post(url: string, text: string, request: IncomingMessage, response: ServerResponse) {
  const body = JSON.parse(text)
  if (url === '/login') {
    const userId = store.findUserId(body.openId)
    if (userId === undefined) answer(response, 401, '{}')
    else answer(response, 200, JSON.stringify({ token: signToken(userId) }))
    return
  }
  const userId = verifyToken(request.headers.authorization)
  if (userId === undefined) return answer(response, 401, '{}')
  const { postId, name, phone, content } = body
  const id = await store.insertForm({ userId, postId, name, phone, content, createdAt: Date.now() })
  answer(response, 200, `{"id":${id}}`)
}

function readBody(request: IncomingMessage): Promise<string> {
  return new Promise((resolve) => {
    let text = ''
    request.setEncoding('utf8')
    request.on('data', (part: string) => {
      text += part
    })
    request.on('end', () => resolve(text))
  })
}

function answer(response: ServerResponse, status: number, text: string) {
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) })
  response.end(text)
}

server.listen(0, '127.0.0.1', () => {
  const address = server.address()
  console.log(`ready ${typeof address === 'object' ? address?.port : ''}`)
})
