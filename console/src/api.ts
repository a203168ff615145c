/** Calls to the console's own API. The cookie travels by itself; the header proves that this page made the call. */
import { ref } from 'vue'
import { lang, t } from './language.ts'

export type Role = 'owner' | 'developer' | 'viewer'
export type Administrator = { id: string; name: string; role: Role }

/** Who is signed in; undefined until the server said so. */
export const me = ref<Administrator | undefined>()

export const canChange = () => me.value?.role === 'owner' || me.value?.role === 'developer'

/** A refused call, in the words of the server's error table. */
export class ApiError extends Error {
  override readonly name = 'ApiError'
  readonly code: string
  readonly hint: string
  readonly status: number
  readonly requestId: string
  readonly details: Record<string, unknown>

  constructor(status: number, body: unknown) {
    const error = isErrorBody(body) ? body.error : { code: 'network', message: t('No answer.', '没有响应。') }
    super(error.message)
    this.status = status
    this.code = error.code
    this.hint = error.hint ?? ''
    this.requestId = error.requestId ?? ''
    this.details = error.details ?? {}
  }
}

type ErrorShape = {
  error: { code: string; message: string; hint?: string; requestId?: string; details?: Record<string, unknown> }
}

const isErrorBody = (body: unknown): body is ErrorShape => typeof body === 'object' && body !== null && 'error' in body

export type Method = 'GET' | 'POST' | 'PUT' | 'DELETE'

/** Answers what the server answers; the caller names the shape, which the server's response schema keeps. */
export async function api<Answer>(method: Method, path: string, body?: unknown): Promise<Answer> {
  const response = await fetch(`/console/api${path}`, {
    method,
    credentials: 'same-origin',
    headers: {
      'x-sampan-console': '1',
      'accept-language': lang.value === 'zh' ? 'zh-CN' : 'en',
      ...(body !== undefined && { 'content-type': 'application/json' }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  }).catch(() => undefined)
  if (!response) throw new ApiError(0, undefined)

  const text = await response.text()
  const answer: unknown = text ? JSON.parse(text) : undefined
  if (response.status === 401 && !path.startsWith('/session')) me.value = undefined
  if (!response.ok) throw new ApiError(response.status, answer)
  return answer as Answer // safe: the server validates each answer against its response schema
}

/** Finds out who is signed in, once per page load. */
export async function loadMe() {
  try {
    me.value = await api<Administrator>('GET', '/session')
  } catch {
    me.value = undefined
  }
}
