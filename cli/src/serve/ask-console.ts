/** The running server's own figures, asked as its owner over loopback. */
import { CommandError } from '../command.ts'
import type { LocalServer } from './local-server.ts'

/** @throws {CommandError} with the server's message and hint */
export async function askConsole<Answer>(
  server: LocalServer,
  method: 'GET' | 'POST',
  path: string,
  body?: unknown,
): Promise<Answer> {
  const response = await fetch(`${server.url}/console/api${path}`, {
    method,
    headers: {
      authorization: `Bearer ${server.token}`,
      ...(body !== undefined && { 'content-type': 'application/json' }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  }).catch((cause: unknown) => {
    throw new CommandError(`${server.url} does not answer.`, 'Is the server still running?', { cause })
  })
  const answer: unknown = await response.json()
  if (response.ok) return answer as Answer // safe: the caller names what this route of the same version answers
  const { error } = answer as { error: { code: string; message: string; hint: string } } // safe: the one error shape
  throw new CommandError(`${error.code}: ${error.message}`, error.hint)
}
