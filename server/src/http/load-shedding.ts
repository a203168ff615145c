/**
 * Refuses early instead of answering everybody late. Log-in and WeChat's notices are refused last, then writes, then
 * reads of one record, then lists: somebody who cannot log in or whose payment is not credited is lost, a list can be
 * asked for again.
 *
 * It stands before Fastify: a refusal must cost a small part of what an answer costs, or refusing takes the time that
 * answering needs. No hook, no schema and no line in the log is worth that; refusals are counted and logged together.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { ERRORS } from '@sampan/protocol/errors'
import { REQUEST_ID_HEADER } from '@sampan/protocol/sessions'
import type { FastifyInstance } from 'fastify'
import { AppError, toErrorResponse } from '../errors.ts'
import { preferredLanguage } from './error-answers.ts'
import { openLoadGate, openLoopClock, type Priority } from './load-gate.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Default: `write` for POST, PUT and DELETE, `read` for GET. `always`: health checks. */
    priority?: Priority
  }
}

/** Seconds after which a refused client should try again. */
const RETRY_AFTER_SECONDS = 1
/** The rest of a larger body is not worth reading. */
const SMALL_BODY_BYTES = 64 * 1024
const LOG_EVERY_MS = 1_000

type Settings = {
  readonly maxInFlight: number
  /** Makes ids for requests that bring none. */
  readonly requestIdOf: (request: IncomingMessage) => string
}

/** Call it before routes are added: it learns their priorities. */
export function shedLoad(app: FastifyInstance, { maxInFlight, requestIdOf }: Settings): void {
  const gate = openLoadGate(maxInFlight, openLoopClock())
  const priorityOf = learnPriorities(app)
  const refuse = openRefusals(requestIdOf)
  let refused = 0

  const handlers = app.server.listeners('request')
  app.server.removeAllListeners('request')
  app.server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    if (!gate.enter(priorityOf(request))) {
      refused += 1
      return refuse(request, response)
    }
    response.on('close', gate.leave)
    for (const handle of handlers) handle.call(app.server, request, response)
  })

  const logging = setInterval(() => {
    if (refused > 0) app.log.warn({ refused, inFlight: gate.inFlight() }, 'requests refused under load')
    refused = 0
  }, LOG_EVERY_MS)
  logging.unref()
  app.addHook('onClose', async () => clearInterval(logging))
}

/** By method and path as the routes say; a route with parameters is known by what comes before them. */
function learnPriorities(app: FastifyInstance): (request: IncomingMessage) => Priority {
  const exact = new Map<string, Priority>()
  const beginnings: [string, Priority][] = []
  app.addHook('onRoute', ({ method, url, config }) => {
    const priority = config?.priority
    if (!priority) return
    const parameter = url.search(/[:*]/)
    for (const name of [method].flat()) {
      if (parameter < 0) exact.set(`${name} ${url}`, priority)
      else beginnings.push([`${name} ${url.slice(0, parameter)}`, priority])
    }
  })
  return ({ method = '', url = '' }) => {
    const query = url.indexOf('?')
    const route = `${method} ${query < 0 ? url : url.slice(0, query)}`
    const known = exact.get(route) ?? beginnings.find(([beginning]) => route.startsWith(beginning))?.[1]
    return known ?? (method === 'GET' || method === 'HEAD' ? 'read' : 'write')
  }
}

/** The answer of `error-answers.ts`, written once per language. */
function openRefusals(requestIdOf: (request: IncomingMessage) => string) {
  const details = { retryAfterSeconds: RETRY_AFTER_SECONDS }
  const error = new AppError('overloaded', 'The server has as much to do as it can answer in time.', { details })
  const partsOf = (language: 'en' | 'zh') => {
    const [before = '', after = ''] = JSON.stringify(toErrorResponse(error, ID_PLACE, language).body).split(ID_PLACE)
    return { before, after, bytes: Buffer.byteLength(before) + Buffer.byteLength(after) }
  }
  const texts = { en: partsOf('en'), zh: partsOf('zh') }

  return (request: IncomingMessage, response: ServerResponse) => {
    const { before, after, bytes } = texts[preferredLanguage(request.headers['accept-language'])]
    const id = requestIdOf(request)
    const headers = [
      ...['content-type', 'application/json; charset=utf-8', 'retry-after', String(RETRY_AFTER_SECONDS)],
      ...['content-length', String(bytes + id.length), REQUEST_ID_HEADER, id],
    ]
    if (Number(request.headers['content-length'] ?? 0) > SMALL_BODY_BYTES) headers.push('connection', 'close')
    response.sendDate = false
    response.writeHead(ERRORS.overloaded.status, headers)
    response.end(before + id + after)
  }
}

/** Stands in the text where the request's id goes. */
const ID_PLACE = 'request-id-goes-here'
