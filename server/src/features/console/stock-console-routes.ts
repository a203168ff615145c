/** Sales in the console: what is left, and changing them. */
import type { FastifyPluginAsync } from 'fastify'
import { type Static, Type } from '../../http/json-schema.ts'
import type { Stock } from '../stock/stock.ts'
import { SaleBody } from '../stock/stock-routes.ts'
import type { Audit } from './audit-log.ts'

const Params = Type.Object({ sale: Type.String({ minLength: 1, maxLength: 64 }) })

type Needs = { readonly stock: Stock; readonly audit: Audit }

export function stockConsoleRoutes({ stock, audit }: Needs): FastifyPluginAsync {
  return async (app) => {
    app.get('/stock', { config: { role: 'viewer' } }, async () => ({ sales: await stock.list() }))
    app.put<{ Params: Static<typeof Params>; Body: Static<typeof SaleBody> }>(
      '/stock/:sale',
      { schema: { params: Params, body: SaleBody } },
      async (request) => {
        const { params, body } = request
        await audit(request, 'stock.define', params.sale, { ...body, items: body.items.slice(0, 20) })
        return stock.define(params.sale, body)
      },
    )
  }
}
