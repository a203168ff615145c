/** `/livez`: the process answers. `/readyz`: it can do its work, and is not about to stop. */
import type { FastifyPluginAsync } from 'fastify'
import { AppError } from '../errors.ts'

type Needs = {
  /** Rejects while a dependency that every request needs is down. */
  readonly check: () => Promise<void>
  readonly isStopping: () => boolean
}

export function healthRoutes({ check, isStopping }: Needs): FastifyPluginAsync {
  const route = (summary: string) => ({
    schema: { summary, tags: ['health'], security: [] },
    config: { priority: 'always' as const },
  })

  return async (app) => {
    app.get('/livez', route('The process answers'), async () => ({ status: 'alive' }))
    app.get('/readyz', route('The server can do its work'), async () => {
      if (isStopping()) throw new AppError('shutting_down', 'The server is about to stop.')
      await check()
      return { status: 'ready' }
    })
  }
}
