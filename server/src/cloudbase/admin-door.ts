/**
 * `POST /admin`: the one endpoint of CloudBase's server SDKs (dialect A). The real wx-server-sdk and @cloudbase/node-sdk
 * are its clients. Failures are answered with HTTP 200 and `{ code, message, requestId }`, because anything else becomes
 * a bare status number in those SDKs.
 */
import multipart from '@fastify/multipart'
import type { FastifyInstance, FastifyPluginAsync, FastifyRequest } from 'fastify'
import { AppError, asAppError } from '../errors.ts'
import type { AccessKeys } from '../features/sessions/access-keys.ts'
import { fromFastify } from '../http/error-answers.ts'
import { isLoopback } from '../http/rate-limit.ts'
import { ADMIN_ACTIONS } from './admin-actions.ts'
import { identifyProgram } from './admin-identity.ts'
import type { AdminServices } from './admin-request.ts'
import { failedAnswer } from './cloudbase-errors.ts'

type Needs = AdminServices & {
  readonly accessKeys: AccessKeys
  readonly now: () => number
  readonly programRates: ProgramRates
}

/** Other programs count by their key; who has none counts by the address, as everywhere. Both throw `rate_limited`. */
export type ProgramRates = {
  readonly countKey: (keyId: string) => void
  readonly countStranger: (ip: string) => void
}

/** A batch of documents, or an image for WeChat to check. Only programs that the owner let in get this far. */
const BODY_LIMIT_BYTES = 16 * 1024 * 1024
const FORM_FIELDS_MAX = 20
/** A function may wait for another function as long as a phone may wait for it. */
const DEADLINE_MS = 65_000

export function adminDoor(needs: Needs): FastifyPluginAsync {
  return async (app) => {
    await app.register(multipart, {
      limits: { fields: FORM_FIELDS_MAX, files: 4, fileSize: BODY_LIMIT_BYTES, fieldSize: BODY_LIMIT_BYTES },
    })
    refuseStrangersEarly(app, needs.programRates)
    app.setErrorHandler((thrown, request, reply) => {
      const error = asAppError(fromFastify(thrown))
      const line = { requestId: request.id, code: error.code, action: actionOf(request) }
      if (error.code === 'internal') request.log.error({ ...line, err: error.cause ?? error }, 'admin request failed')
      else request.log.debug(line, 'admin request refused')
      return reply.code(200).type('application/json').send(failedAnswer(error, request.id))
    })

    const options = {
      schema: { hide: true },
      bodyLimit: BODY_LIMIT_BYTES,
      // Mostly parts of calls that were let in already: refusing them would throw away work that is half done.
      config: { deadlineMs: DEADLINE_MS, priority: 'first' },
    } as const
    app.post('/', options, async (request, reply) => {
      const fields = await readFields(request)
      const { identity, call } = await identifyProgram(request, fields, needs).catch((error: unknown) => {
        needs.programRates.countStranger(request.ip)
        throw error
      })
      if (identity.kind === 'key') needs.programRates.countKey(identity.keyId)
      request.seenAs = { partOf: call?.requestId, action: String(fields['action']).slice(0, 64) }
      const action = ADMIN_ACTIONS.get(String(fields['action']))
      if (!action) {
        throw new AppError('not_supported', `The action ${String(fields['action']).slice(0, 64)} is not supported.`)
      }
      const timeLeftMs = request.timeLeftMs()
      const origin = `${request.protocol}://${request.headers.host ?? ''}`
      const answer = await action({ fields, identity, call, requestId: request.id, timeLeftMs, origin }, needs)
      if (Buffer.isBuffer(answer)) return reply.type('application/octet-stream').send(answer)
      return reply.type('application/json').send({ ...answer, requestId: request.id })
    })
  }
}

/** Workers prove themselves with a token in the body; everybody else's proof is a header, so it is known before. */
function refuseStrangersEarly(app: FastifyInstance, { countStranger }: ProgramRates) {
  app.addHook('onRequest', async (request) => {
    const { authorization = '' } = request.headers
    if (isLoopback(request) || /^(TC3-HMAC-SHA256|Bearer) /.test(authorization)) return
    countStranger(request.ip)
    throw new AppError('signature_invalid', 'This address is for programs with an access key.')
  })
}

async function readFields(request: FastifyRequest): Promise<Record<string, unknown>> {
  if (!request.isMultipart()) {
    const { body } = request
    if (body !== null && typeof body === 'object') return body as Record<string, unknown> // safe: parsed JSON
    throw new AppError('invalid_json', 'The body is not a JSON object.')
  }
  const fields: Record<string, unknown> = {}
  for await (const part of request.parts()) {
    fields[part.fieldname] = part.type === 'file' ? await part.toBuffer() : part.value
  }
  return fields
}

const actionOf = ({ body }: FastifyRequest) =>
  body !== null && typeof body === 'object' && 'action' in body ? String(body.action) : undefined
