/** The one place where a failure becomes an HTTP answer. */
import type { ErrorCode } from '@sampan/protocol/errors'
import { REQUEST_ID_HEADER } from '@sampan/protocol/sessions'
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { AppError, asAppError, toErrorResponse } from '../errors.ts'

/** Fastify's own failures, by its code. */
// biome-ignore format: a table keeps its columns
const FASTIFY_CODES: Record<string, ErrorCode> = {
  FST_ERR_VALIDATION:             'invalid_request',
  FST_ERR_CTP_BODY_TOO_LARGE:     'body_too_large',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'unsupported_media_type',
  FST_ERR_CTP_EMPTY_JSON_BODY:    'invalid_json',
  FST_ERR_CTP_INVALID_JSON_BODY:  'invalid_json',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'invalid_request',
  FST_ERR_BAD_URL:                'route_not_found',
  FST_REQ_FILE_TOO_LARGE:         'file_too_large',
  FST_FILES_LIMIT:                'invalid_request',
  FST_PARTS_LIMIT:                'invalid_request',
  FST_FIELDS_LIMIT:               'invalid_request',
  FST_INVALID_MULTIPART_CONTENT_TYPE: 'unsupported_media_type',
}

export function answerErrors(app: FastifyInstance): void {
  const routes: { method: string; pattern: RegExp }[] = []
  app.addHook('onRoute', ({ method, url }) => {
    for (const name of [method].flat()) routes.push({ method: name, pattern: pathPattern(url) })
  })

  app.setErrorHandler((thrown, request, reply) => answer(fromFastify(thrown), request, reply))

  app.setNotFoundHandler((request, reply) => {
    const path = request.url.split('?')[0] ?? ''
    const allowed = [...new Set(routes.filter(({ pattern }) => pattern.test(path)).map(({ method }) => method))]
    if (allowed.length === 0) {
      return answer(new AppError('route_not_found', `There is nothing at ${request.method} ${path}.`), request, reply)
    }
    reply.header('allow', allowed.join(', '))
    const message = `${path} does not answer ${request.method}.`
    return answer(new AppError('method_not_allowed', message, { details: { allowed } }), request, reply)
  })
}

/** For failures before any route is known, such as a path with broken escapes. */
export function answerFrameworkError(thrown: FastifyError, request: FastifyRequest, reply: FastifyReply) {
  return answer(fromFastify(thrown), request, reply)
}

/** Sends the failure; logs it here and only here, unexpected ones with their cause. */
export function answer(thrown: unknown, request: FastifyRequest, reply: FastifyReply) {
  const error = asAppError(thrown)
  const { status, body } = toErrorResponse(error, request.id, preferredLanguage(request.headers['accept-language']))

  // Not `code`, which the log redacts: that is what a log-in code is called.
  const line = { errorCode: error.code, route: request.routeOptions.url }
  if (status >= 500) request.log.error({ ...line, err: error.cause ?? error }, 'request failed')
  else request.log.debug({ ...line, details: error.details }, 'request refused')

  const retryAfterSeconds = error.details?.['retryAfterSeconds']
  if (typeof retryAfterSeconds === 'number')
    reply.header('retry-after', String(Math.max(1, Math.ceil(retryAfterSeconds))))
  // Asked again, an expensive query would only cost the same again.
  else if (status === 503 && error.code !== 'query_too_expensive') reply.header('retry-after', '1')
  reply.header(REQUEST_ID_HEADER, request.id)
  return reply.code(status).type('application/json; charset=utf-8').send(JSON.stringify(body))
}

/** Chinese if the client asks for it before English. */
export function preferredLanguage(header: string | undefined): 'en' | 'zh' {
  const zh = header?.search(/\bzh\b/i) ?? -1
  const en = header?.search(/\ben\b/i) ?? -1
  return zh >= 0 && (en < 0 || zh < en) ? 'zh' : 'en'
}

export function fromFastify(thrown: unknown): unknown {
  if (thrown instanceof AppError) return thrown
  const { code = '', message, validation, validationContext } = thrown as Partial<FastifyError> // safe: fields are checked
  if (validation?.[0]) {
    const { instancePath, message: why = 'is invalid', params } = validation[0]
    const field = `${validationContext ?? 'body'}${instancePath.replaceAll('/', '.')}`
    const extra = typeof params['additionalProperty'] === 'string' ? ` (${params['additionalProperty']})` : ''
    return new AppError('invalid_request', `${field} ${why}${extra}.`, { details: { field, reason: why, ...params } })
  }
  const known = FASTIFY_CODES[code]
  if (known) return new AppError(known, message ?? code, { cause: thrown })
  if (thrown instanceof SyntaxError)
    return new AppError('invalid_json', 'The body is not valid JSON.', { cause: thrown })
  return thrown
}

/** A route's URL as a pattern of concrete paths: `/v1/functions/:name` and a trailing wildcard. */
function pathPattern(url: string): RegExp {
  const escaped = url.replace(/[.+?^${}()|[\]\\]/g, '\\$&').replace(/:[A-Za-z]\w*/g, '[^/]+')
  return new RegExp(`^${escaped.replaceAll('*', '.*')}$`)
}
