/** `/openapi.json`, made from the routes' own schemas: the documentation cannot say anything else than the server does. */
import swagger from '@fastify/swagger'
import type { FastifyInstance } from 'fastify'

/** Register before the routes that it shall describe. */
export async function describeRoutes(app: FastifyInstance, version: string): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Sampan',
        version,
        description:
          'Errors have the form {error: {code, message, hint, details?, requestId, errCode}}; docs/errors.md lists the codes.',
      },
      components: {
        securitySchemes: { session: { type: 'http', scheme: 'bearer', description: 'The token of POST /v1/login.' } },
      },
      security: [{ session: [] }],
    },
  })
  app.get('/openapi.json', { schema: { hide: true }, config: { priority: 'always' } }, async () => app.swagger())
}
