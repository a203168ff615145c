/** Set-up and clean-up over plain HTTP: log users in, send single requests. Not for measuring. */
import type { LoginResponse } from '@sampan/protocol'
import { compileRequest, type RequestStep } from './request-template.ts'
import { seededRandom } from './seeded-random.ts'

export type BenchUser = { readonly name: string; readonly token: string }

const LOGINS_AT_ONCE = 8
const TIMEOUT_MS = 10_000

/** The server refuses the simulator's codes: it talks to the real WeChat, or is not a Sampan server. */
export class LoginRefusedError extends Error {
  override readonly name = 'LoginRefusedError'
}

/** @throws {LoginRefusedError} */
export async function logInUsers(url: string, count: number, runName: string): Promise<BenchUser[]> {
  const users: BenchUser[] = []
  let next = 0
  const work = async () => {
    while (next < count) {
      const name = `bench-${next++}`
      users.push({ name, token: await logIn(url, `sim:${name}:${runName}`) })
    }
  }
  await Promise.all(Array.from({ length: Math.min(count, LOGINS_AT_ONCE) }, work))
  return users
}

async function logIn(url: string, code: string): Promise<string> {
  const answer = await fetch(`${url}/v1/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ code }),
    signal: AbortSignal.timeout(TIMEOUT_MS),
  })
  const text = await answer.text()
  if (!answer.ok) throw new LoginRefusedError(`log-in answered ${answer.status}: ${text.slice(0, 200)}`)
  return (JSON.parse(text) as LoginResponse).token // safe: the protocol says so; a wrong one fails the first request
}

/** Sends one step as one user. Returns the status. */
export async function sendStep(url: string, step: RequestStep, user: BenchUser, runName: string): Promise<number> {
  const context = { random: seededRandom(1), runName, threadName: 'set-up', users: [user] }
  const request = compileRequest(step, new URL(url).host, context)()
  const [head = '', ...rest] = request.split('\r\n\r\n')
  const [, target = '/'] = head.split(' ', 2)
  const headers = head
    .split('\r\n')
    .slice(1)
    .map((line) => line.split(': ', 2) as [string, string]) // safe: compileRequest writes `name: value`
    .filter(([name]) => name !== 'host' && name !== 'content-length')
  const body = rest.join('\r\n\r\n')
  const answer = await fetch(`${url}${target}`, {
    method: step.method,
    headers,
    ...(step.body !== undefined && { body }),
    signal: AbortSignal.timeout(TIMEOUT_MS),
  })
  await answer.arrayBuffer()
  return answer.status
}
