/**
 * Fastify as this server uses it: request ids, one access-log line per request, one error shape, limits in time and
 * size. What a request meets before any feature sees it.
 */
import { randomBytes } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { REQUEST_ID_HEADER } from '@sampan/protocol/sessions'
import fastify, { type FastifyInstance, LogController } from 'fastify'
import type { Log } from '../log.ts'
import { answerErrors, answerFrameworkError } from './error-answers.ts'
import { buildLazyValidator } from './lazy-validation.ts'
import { enforceDeadlines } from './request-deadline.ts'

export type HttpSettings = {
  readonly bodyLimitBytes: number
  readonly requestDeadlineMs: number
}

/** A client must have sent its headers after this time; Node's default of 60 s invites slow-loris. */
const HEADERS_TIMEOUT_MS = 10_000
/** A client must have sent its whole request after this time; Node's default is 300 s. Uploads of 20 MB on 3G fit. */
const REQUEST_TIMEOUT_MS = 120_000
/** Longer than Nginx's 75 s, so that Nginx, not we, closes idle upstream connections. */
const KEEP_ALIVE_TIMEOUT_MS = 76_000
/** How often sockets are checked against the two time-outs above. */
const CONNECTIONS_CHECK_MS = 1_000
/** Sockets that one process accepts; a cgroup of 256 MB survives this many. */
const MAX_CONNECTIONS = 10_000
const MAX_PARAM_LENGTH = 1_024
/** 72 bits: no two processes begin their request ids alike. */
const REQUEST_ID_PREFIX_BYTES = 9

/** Opens Fastify with everything that holds for every request. Nothing listens yet. */
export function openHttp(settings: HttpSettings, log: Log): FastifyInstance {
  const app = fastify({
    loggerInstance: log,
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'requestId' }),
    bodyLimit: settings.bodyLimitBytes,
    requestTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
    frameworkErrors: answerFrameworkError,
    forceCloseConnections: 'idle',
    return503OnClosing: false,
    // The socket's peer is Nginx on this machine; only it may say who the client is.
    trustProxy: 'loopback',
    genReqId: requestIds(),
    schemaController: { compilersFactory: { buildValidator: buildLazyValidator() } },
    routerOptions: { maxParamLength: MAX_PARAM_LENGTH },
    http: { connectionsCheckingInterval: CONNECTIONS_CHECK_MS, headersTimeout: HEADERS_TIMEOUT_MS },
    ajv: {
      customOptions: {
        removeAdditional: false,
        coerceTypes: false,
        useDefaults: true,
        allErrors: false,
        allowUnionTypes: true,
      },
    },
  }) as unknown as FastifyInstance // safe: a pino Logger is Fastify's base logger; the generic only narrows `app.log`

  app.server.maxConnections = MAX_CONNECTIONS
  answerErrors(app)
  enforceDeadlines(app, settings.requestDeadlineMs)

  app.addHook('onRequest', (request, reply, done) => {
    reply.header(REQUEST_ID_HEADER, request.id)
    done()
  })
  app.addHook('onResponse', (request, reply, done) => {
    const { routeOptions, method } = request
    const durationMs = Math.round(reply.elapsedTime * 100) / 100
    const route = routeOptions.url ?? 'none'
    request.log.info({ method, route, status: reply.statusCode, durationMs }, 'request done')
    done()
  })
  return app
}

/**
 * The caller's own id if it is a plain one, so that one id leads from the phone to the SQL statement; else one that no
 * other process makes. Counting costs nothing; twelve random bytes per request were 6 % of a small one's time.
 */
export function requestIds(): (request: { headers: IncomingHttpHeaders }) => string {
  const prefix = randomBytes(REQUEST_ID_PREFIX_BYTES).toString('base64url')
  let count = 0
  return ({ headers }) => {
    const given = headers[REQUEST_ID_HEADER]
    if (typeof given === 'string' && /^[\w-]{8,64}$/.test(given)) return given
    count += 1
    return `${prefix}-${count.toString(36)}`
  }
}
