/** Who may use the console's API: cookie session, protection against cross-site requests, roles. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { AppError } from '../../errors.ts'
import type { Identity } from '../sessions/identity.ts'
import type { Administrator, Role } from './administrator-store.ts'
import { type Administrators, CONSOLE_SESSION_TTL_SECONDS } from './administrators.ts'

const COOKIE = 'sampan_console'
/** A page on another site cannot send this header without a preflight, which the server refuses. */
const CSRF_HEADER = 'x-sampan-console'
/** How the audit names the command line. */
const LOCAL_NAME = '(command line)'
const READS = new Set(['GET', 'HEAD', 'OPTIONS'])
const RANK: Record<Role, number> = { viewer: 0, developer: 1, owner: 2 }

declare module 'fastify' {
  interface FastifyRequest {
    /** Set on the console's API once the cookie was checked. */
    administrator: Administrator | undefined
  }
  interface FastifyContextConfig {
    /** The weakest role that may call this route of the console; `nobody`: no account needed. */
    role?: Role | 'nobody'
  }
}

/** Guards every route of this plugin's scope. A route without a declared role is for developers. */
export function guardConsole(app: FastifyInstance, administrators: Administrators) {
  app.decorateRequest('administrator', undefined)
  app.addHook('onRequest', async (request) => {
    if (isCommandLine(request)) {
      request.administrator = { id: request.identity.id, name: LOCAL_NAME, role: request.identity.role, createdAtMs: 0 }
      return
    }
    if (!READS.has(request.method)) refuseCrossSite(request)
    const token = readCookie(request)
    if (token) request.administrator = await administrators.find(token)

    const needed = request.routeOptions.config.role ?? 'developer'
    if (needed === 'nobody') return
    if (!request.administrator) throw new AppError('sign_in_required', 'Nobody is signed in.')
    if (RANK[request.administrator.role] < RANK[needed]) {
      throw new AppError('forbidden', `This needs the role "${needed}".`, { details: { role: needed } })
    }
  })
}

/** The command line on this machine sends the owner's key as a bearer token: no browser does, so no site can forge it. */
const isCommandLine = (
  request: FastifyRequest,
): request is FastifyRequest & { identity: Extract<Identity, { kind: 'administrator' }> } =>
  request.identity?.kind === 'administrator'

export function signedIn(request: FastifyRequest): Administrator {
  if (!request.administrator) throw new AppError('sign_in_required', 'Nobody is signed in.')
  return request.administrator
}

/** Who asks, as the features below know it. */
export function identityOf(request: FastifyRequest) {
  const { id, role } = signedIn(request)
  return { kind: 'administrator', id, role } as const
}

function refuseCrossSite(request: FastifyRequest) {
  const { origin, host } = request.headers
  // Behind Nginx the browser's host arrives in X-Forwarded-Host, which only a trusted proxy may set.
  const from = origin === undefined ? host : hostOf(origin)
  const isOtherSite = from === undefined || ![host, request.host].includes(from)
  if (request.headers[CSRF_HEADER] === undefined || isOtherSite || request.headers['sec-fetch-site'] === 'cross-site') {
    throw new AppError('cross_site_refused', 'This request did not come from the console.')
  }
}

/** The host of an Origin header; "null" and nonsense match no host. */
const hostOf = (origin: string) => URL.parse(origin)?.host

export function readCookie(request: FastifyRequest): string | undefined {
  for (const pair of (request.headers.cookie ?? '').split(';')) {
    const [name, value] = pair.trim().split('=')
    if (name === COOKIE) return value
  }
  return undefined
}

export function setCookie(request: FastifyRequest, reply: FastifyReply, token: string) {
  reply.header('set-cookie', cookie(request, token, CONSOLE_SESSION_TTL_SECONDS))
}

export function clearCookie(request: FastifyRequest, reply: FastifyReply) {
  reply.header('set-cookie', cookie(request, '', 0))
}

function cookie(request: FastifyRequest, value: string, maxAgeSeconds: number) {
  const secure = request.protocol === 'https' ? '; Secure' : ''
  return `${COOKIE}=${value}; Path=/console; HttpOnly; SameSite=Strict; Max-Age=${maxAgeSeconds}${secure}`
}
