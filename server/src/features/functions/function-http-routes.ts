/**
 * HTTP access: `/http/<name>/…` calls a function with the request as its event and makes its result the answer, as
 * CloudBase's HTTP access service does. Only for functions whose config.json says `"sampan": { "http": true }`.
 */
import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify'
import { AppError } from '../../errors.ts'
import { ANONYMOUS } from '../sessions/identity.ts'
import type { Functions } from './functions.ts'

const DEADLINE_MS = 65_000
const TEXT = /^(text\/|application\/(json|xml|javascript|x-www-form-urlencoded|[\w.+-]*\+(json|xml)))/

type Needs = { readonly functions: Functions; readonly bodyLimitBytes: number }
type Route = { Params: { name: string; '*'?: string }; Body: Buffer | undefined }

export function functionHttpRoutes({ functions, bodyLimitBytes }: Needs): FastifyPluginAsync {
  return async (app) => {
    // Signatures of payment notices and webhooks are over the bytes, so the function gets them untouched.
    app.removeAllContentTypeParsers()
    app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body))

    const options = { schema: { hide: true }, bodyLimit: bodyLimitBytes, config: { deadlineMs: DEADLINE_MS } }
    const handle = async (request: FastifyRequest<Route>, reply: FastifyReply) => {
      const { name } = request.params
      if (!functions.list().some((summary) => summary.name === name && summary.isOnHttp)) {
        throw new AppError('function_not_found', `No function answers at /http/${name}.`)
      }
      const { result } = await functions.call(name, eventOf(request), {
        identity: ANONYMOUS,
        requestId: request.id,
        source: 'wx_http',
        clientIp: request.ip,
        timeoutMs: Math.floor(request.timeLeftMs()),
      })
      return sendResult(reply, result)
    }
    app.all<Route>('/:name', options, handle)
    app.all<Route>('/:name/*', options, handle)
  }
}

function eventOf(request: FastifyRequest<Route>) {
  const { method, headers, body, ip, id, params } = request
  const isText = TEXT.test(headers['content-type'] ?? 'text/plain')
  const query = new URL(request.url, 'http://localhost').searchParams
  return {
    path: `/${params['*'] ?? ''}`,
    httpMethod: method,
    headers,
    queryStringParameters: Object.fromEntries(query),
    multiValueQueryStringParameters: Object.fromEntries([...query.keys()].map((key) => [key, query.getAll(key)])),
    requestContext: {
      requestId: id,
      sourceIp: ip,
      path: request.url.split('?')[0],
      httpMethod: method,
      serviceName: params.name,
    },
    body: body === undefined ? '' : body.toString(isText ? 'utf8' : 'base64'),
    isBase64Encoded: body !== undefined && !isText,
  }
}

/** An integration response with statusCode and body; anything else is the body itself. */
function sendResult(reply: FastifyReply, result: string | undefined) {
  const value: unknown = result === undefined ? '' : JSON.parse(result)
  if (value === null || typeof value !== 'object' || !('statusCode' in value)) {
    return typeof value === 'string'
      ? reply.type('text/plain; charset=utf-8').send(value)
      : reply.type('application/json; charset=utf-8').send(result)
  }
  const { statusCode, headers, body, isBase64Encoded } = value as Partial<Record<string, unknown>> // safe: an object
  const status = Number(statusCode)
  if (!Number.isInteger(status) || status < 200 || status > 599) {
    throw new AppError('function_failed', `The function answered the status code ${String(statusCode)}.`)
  }
  reply.code(status)
  for (const [name, text] of Object.entries(headers ?? {})) {
    if (/^[\w-]+$/.test(name) && !/[\r\n]/.test(String(text)))
      reply.header(name, Array.isArray(text) ? text.map(String) : String(text))
  }
  const text = typeof body === 'string' ? body : JSON.stringify(body ?? '')
  return reply.send(isBase64Encoded === true ? Buffer.from(text, 'base64') : text)
}
