/** `GET /metrics` for Prometheus. From this machine only, unless somebody signed in: the figures tell a stranger much. */
import type { FastifyPluginAsync } from 'fastify'
import type { Registry } from 'prom-client'
import { AppError } from '../../errors.ts'
import { isLoopback } from '../../http/rate-limit.ts'
import type { Monitor } from './monitor.ts'

export function metricsRoutes(monitor: Monitor): FastifyPluginAsync {
  // Loaded when somebody asks: most servers have no Prometheus beside them.
  let opening: Promise<Registry> | undefined
  const openRegistry = async () => (await import('./prometheus-metrics.ts')).openRegistry(monitor)

  return async (app) => {
    app.get(
      '/metrics',
      { schema: { summary: 'Metrics for Prometheus', tags: ['health'], security: [] }, config: { priority: 'always' } },
      async (request, reply) => {
        const isServerSide = request.identity.kind === 'administrator' || request.identity.kind === 'key'
        if (!isLoopback(request) && !isServerSide) {
          throw new AppError('forbidden', 'Metrics are for this machine, or for a caller with an access key.')
        }
        opening ??= openRegistry()
        const registry = await opening
        return reply.type(registry.contentType).send(await registry.metrics())
      },
    )
  }
}
