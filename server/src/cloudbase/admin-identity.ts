/** Who knocks at the /admin door: a worker of ours, or another program with an access key. */
import type { FastifyRequest } from 'fastify'
import { AppError } from '../errors.ts'
import type { Functions } from '../features/functions/functions.ts'
import type { WorkerCaller } from '../features/functions/running-calls.ts'
import type { AccessKeys } from '../features/sessions/access-keys.ts'
import { isLoopback } from '../http/rate-limit.ts'
import { verifySignature } from './tc3-signature.ts'

type Needs = { readonly functions: Functions; readonly accessKeys: AccessKeys; readonly now: () => number }

/** @throws {AppError} `signature_invalid` */
export async function identifyProgram(
  request: FastifyRequest,
  fields: Readonly<Record<string, unknown>>,
  { functions, accessKeys, now }: Needs,
): Promise<WorkerCaller> {
  const { sessionToken, wxCloudApiToken } = fields
  if (isLoopback(request) && typeof sessionToken === 'string' && sessionToken) {
    const caller = functions.findCaller(sessionToken, typeof wxCloudApiToken === 'string' ? wxCloudApiToken : '')
    if (caller) return caller
  }
  const { authorization = '', host = '' } = request.headers
  if (authorization.startsWith('Bearer ')) {
    return { identity: await accessKeys.verifyToken(authorization.slice('Bearer '.length)), call: undefined }
  }
  if (!authorization) throw new AppError('signature_invalid', 'The request is not signed.')
  const [path = '', query = ''] = request.url.split('?')
  const keyId = await verifySignature(
    { method: request.method, host, path, query, headers: request.headers, fields },
    (secretId) => accessKeys.findSecret(secretId),
    now(),
  )
  return { identity: { kind: 'key', keyId }, call: undefined }
}
