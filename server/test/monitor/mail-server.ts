/** A small mail server that speaks SMTP as the vendors' do: STARTTLS, log-in, refusals with three digits. */
import net, { type AddressInfo, type Socket } from 'node:net'
import type { TestContext } from 'node:test'
import tls from 'node:tls'

export type ReceivedMail = {
  readonly from: string
  readonly to: readonly string[]
  readonly subject: string
  readonly text: string
  /** Whether the connection was encrypted when the message came. */
  readonly isEncrypted: boolean
}
type Step = 'RCPT' | 'DATA' | 'BODY'
type Options = {
  /** Key and certificate; with them it offers STARTTLS, or is encrypted from the start. */
  readonly identity?: { readonly key: string; readonly cert: string }
  readonly isEncryptedAtOnce?: boolean
}

export const MAIL_USER = 'alarm@shop.example'
export const MAIL_PASSWORD = 'authorisation-code-9f3c'

export async function startMailServer(t: TestContext, { identity, isEncryptedAtOnce = false }: Options = {}) {
  const received: ReceivedMail[] = []
  const lines: string[] = []
  const refusals = new Map<Step, string>()
  const open = new Set<Socket>()

  const serve = (socket: Socket) => {
    open.add(socket)
    socket.on('error', () => undefined)
    talk(socket, { received, lines, refusals, ...(identity && !isEncryptedAtOnce && { identity }) })
  }
  const server = isEncryptedAtOnce ? tls.createServer({ ...identity }, serve) : net.createServer(serve)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    for (const socket of open) socket.destroy()
    server.close()
  })
  const { port } = server.address() as AddressInfo // safe: it listens on TCP
  return {
    port,
    received,
    /** What the client said, for looking into the conversation. */
    lines,
    /** From now on this step is answered with this line. */
    refuse: (step: Step, answer: string) => void refusals.set(step, answer),
  }
}

type Desk = {
  received: ReceivedMail[]
  lines: string[]
  refusals: Map<Step, string>
  identity?: { readonly key: string; readonly cert: string }
}

function talk(plain: Socket, desk: Desk) {
  let socket = plain
  let isKnown = false
  let envelope = { from: '', to: [] as string[] }
  let body: string[] | undefined
  const isEncrypted = () => socket instanceof tls.TLSSocket
  const say = (...answer: string[]) => void socket.write(`${answer.join('\r\n')}\r\n`)
  const greet = () => [
    '250-mail.example',
    ...(desk.identity && !isEncrypted() ? ['250-STARTTLS'] : []),
    '250-AUTH PLAIN',
    '250 8BITMIME',
  ]

  function onLine(line: string) {
    if (body) {
      if (line !== '.') return void body.push(line.replace(/^\.\./, '.'))
      const refusal = desk.refusals.get('BODY')
      if (!refusal) desk.received.push({ ...envelope, ...readMessage(body), isEncrypted: isEncrypted() })
      body = undefined
      return say(refusal ?? '250 queued')
    }
    desk.lines.push(line)
    const [word = ''] = line.toUpperCase().split(' ')
    if (word === 'EHLO') return say(...greet())
    if (word === 'STARTTLS' && desk.identity) return encrypt()
    if (word === 'AUTH') {
      const [, user, password] = Buffer.from(line.split(' ')[2] ?? '', 'base64')
        .toString()
        .split('\0')
      isKnown = user === MAIL_USER && password === MAIL_PASSWORD
      return say(isKnown ? '235 welcome' : '535 5.7.8 authentication failed')
    }
    if (word === 'MAIL') {
      envelope = { from: line.match(/<(.*?)>/)?.[1] ?? '', to: [] }
      return say(isKnown ? '250 ok' : '530 5.7.0 authentication required')
    }
    if (word === 'RCPT') {
      const refusal = desk.refusals.get('RCPT')
      if (!refusal) envelope.to.push(line.match(/<(.*?)>/)?.[1] ?? '')
      return say(refusal ?? '250 ok')
    }
    if (word === 'DATA') {
      const refusal = desk.refusals.get('DATA')
      if (!refusal) body = []
      return say(refusal ?? '354 go on')
    }
    if (word === 'QUIT') return void socket.end('221 bye\r\n')
    return say('502 not known')
  }

  function listen() {
    let rest = ''
    socket.on('data', (chunk) => {
      const parts = (rest + String(chunk)).split('\r\n')
      rest = parts.pop() ?? ''
      for (const line of parts) onLine(line)
    })
    socket.on('error', () => undefined)
  }

  function encrypt() {
    say('220 go ahead')
    plain.removeAllListeners('data')
    socket = new tls.TLSSocket(plain, { isServer: true, ...desk.identity })
    listen()
  }

  listen()
  say('220 mail.example ESMTP')
}

function readMessage(lines: readonly string[]) {
  const end = lines.indexOf('')
  const head = lines
    .slice(0, end)
    .join('\n')
    .replace(/\n[ \t]+/g, ' ')
  const raw = lines.slice(end + 1).join('\r\n')
  const isBase64 = /^content-transfer-encoding: base64/im.test(head)
  const text = isBase64 ? Buffer.from(raw, 'base64').toString() : decodeQuoted(raw.replace(/=\r\n/g, ''))
  return {
    subject: decodeWords(head.match(/^subject: (.*)$/im)?.[1] ?? ''),
    text: text.replaceAll('\r\n', '\n').trimEnd(),
  }
}

const decodeWords = (text: string) =>
  text
    .replace(/\?= =\?/g, '?==?')
    .replace(/=\?utf-8\?([bq])\?(.*?)\?=/gi, (_all, kind: string, word: string) =>
      kind.toLowerCase() === 'b' ? Buffer.from(word, 'base64').toString() : decodeQuoted(word.replaceAll('_', ' ')),
    )

const decodeQuoted = (text: string) =>
  Buffer.from(
    text.replace(/=([0-9A-F]{2})/gi, (_all, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
    'latin1',
  ).toString('utf8')
