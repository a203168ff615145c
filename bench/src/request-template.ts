/**
 * Requests as data: a JSON step with placeholders becomes a function that writes the next request as text.
 *
 * Placeholders, inside any string of `path`, `headers` or `body`:
 *   {{user}}            the virtual user's name, such as `bench-17`
 *   {{token}}           the virtual user's token, for servers that take it elsewhere than in `Authorization`
 *   {{unique}}          text that no other request of any run carries
 *   {{integer 0 99}}    a whole number; a value that is nothing but this placeholder becomes a JSON number
 *   {{now}}             milliseconds since the epoch, likewise
 *   {{text 400}}        that many characters of Chinese prose
 *   {{run}}             the name of this run, for cleaning up afterwards
 */
import type { Random } from './seeded-random.ts'

export type RequestStep = {
  readonly name: string
  /** Share of this step; shares need not add up to anything. */
  readonly weight: number
  readonly method: string
  readonly path: string
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
  /** Sent without a token. */
  readonly isAnonymous?: boolean
  /** A status that counts as success; by default every 2xx. */
  readonly expectStatus?: number
  /** Text that a good answer contains. */
  readonly expectText?: string
}

export type RequestContext = {
  readonly random: Random
  readonly runName: string
  /** Names and tokens of the virtual users; without users, every step is anonymous. */
  readonly users: readonly { readonly name: string; readonly token: string }[]
  /** Makes `{{unique}}` differ between the threads of one run. */
  readonly threadName: string
}

type User = { readonly name: string; readonly token: string }
type Piece = string | ((user: User) => string)

const NOBODY: User = { name: 'bench-0', token: '' }

export function compileRequest(step: RequestStep, host: string, context: RequestContext): () => string {
  const { random, users } = context
  const writeValue = pieceWriter(context)
  const path = writer(split(step.path, writeValue))
  const body = step.body === undefined ? undefined : writer(split(bodyTemplate(step.body), writeValue))
  const ownHeaders = Object.entries(step.headers ?? {}).map(([name, value]) => `${name}: ${value}\r\n`)
  const headers = writer(split(ownHeaders.join(''), writeValue))
  const contentType =
    step.body === undefined || step.headers?.['content-type'] ? '' : 'content-type: application/json\r\n'
  const head = `host: ${host}\r\n${contentType}`

  return () => {
    const user = users.length ? (users[random.integer(0, users.length - 1)] ?? NOBODY) : NOBODY
    const token = step.isAnonymous || !user.token ? '' : `authorization: Bearer ${user.token}\r\n`
    const start = `${step.method} ${path(user)} HTTP/1.1\r\n${head}${headers(user)}${token}`
    if (!body) return `${start}\r\n`
    const text = body(user)
    return `${start}content-length: ${Buffer.byteLength(text)}\r\n\r\n${text}`
  }
}

/** Fills placeholders once, outside the hot path: for set-up. */
export function fillTemplate(template: unknown, context: RequestContext): string {
  return writer(split(bodyTemplate(template), pieceWriter(context)))(NOBODY)
}

/** A body that is text is sent as it is; anything else as JSON. */
function bodyTemplate(body: unknown): string {
  if (typeof body === 'string') return body
  return JSON.stringify(body).replace(/"(\{\{(?:integer [^}]*|now)\}\})"/g, '$1')
}

function split(template: string, writeValue: (placeholder: string) => Piece): Piece[] {
  return template.split(/(\{\{[^}]*\}\})/).map((part) => (part.startsWith('{{') ? writeValue(part.slice(2, -2)) : part))
}

function writer(pieces: readonly Piece[]): (user: User) => string {
  return (user) => {
    let text = ''
    for (const piece of pieces) text += typeof piece === 'string' ? piece : piece(user)
    return text
  }
}

function pieceWriter({ random, runName, threadName }: RequestContext) {
  let count = 0
  return (placeholder: string): Piece => {
    const [word = '', first = '', second = ''] = placeholder.trim().split(/\s+/)
    switch (word) {
      case 'user':
        return (user) => user.name
      case 'token':
        return (user) => user.token
      case 'unique':
        return () => `${runName}-${threadName}-${(count++).toString(36)}`
      case 'run':
        return runName
      case 'now':
        return () => String(Date.now())
      case 'integer':
        return integerPiece(random, Number(first), Number(second))
      case 'text':
        return proseOf(Number(first))
      default:
        throw new Error(
          `unknown placeholder {{${placeholder}}}: use user, token, unique, run, now, integer A B or text N`,
        )
    }
  }
}

function integerPiece(random: Random, low: number, high: number): Piece {
  if (!Number.isInteger(low) || !Number.isInteger(high) || low > high) {
    throw new Error(`{{integer ${low} ${high}}} needs two whole numbers, the smaller first`)
  }
  return () => String(random.integer(low, high))
}

const PROSE =
  '舢板虽小,载得动一家人的生计。清晨的江面起了薄雾,船夫解开缆绳,把昨夜晾好的渔网收进舱里,' +
  '顺着水势往下游去。岸边的茶馆刚刚开门,伙计在门口洒水扫地,炉子上的水还没有烧开。'

function proseOf(characters: number): string {
  if (!(characters >= 0 && characters <= 1_000_000)) throw new Error('{{text N}} takes 0 to 1,000,000 characters')
  return PROSE.repeat(Math.ceil(characters / PROSE.length)).slice(0, characters)
}
