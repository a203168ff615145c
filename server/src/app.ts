/** The server's table of contents: what every request passes first, then what the server offers. */
import path from 'node:path'
import type { FastifyInstance } from 'fastify'
import { adminDoor } from './cloudbase/admin-door.ts'
import { cloudPay } from './cloudbase/cloud-pay.ts'
import { consoleRoutes } from './features/console/console-routes.ts'
import { collectionRoutes } from './features/documents/collection-routes.ts'
import { documentRoutes } from './features/documents/document-routes.ts'
import { fileContentRoutes } from './features/files/file-content-routes.ts'
import { fileRoutes } from './features/files/file-routes.ts'
import { uploadTicketRoutes } from './features/files/upload-ticket-routes.ts'
import { functionHttpRoutes } from './features/functions/function-http-routes.ts'
import { functionRoutes } from './features/functions/function-routes.ts'
import { jobRoutes } from './features/jobs/job-routes.ts'
import { metricsRoutes } from './features/monitor/metrics-routes.ts'
import { paymentRoutes } from './features/payments/payment-routes.ts'
import { serveRealtime } from './features/rooms/realtime-socket.ts'
import { roomRoutes } from './features/rooms/room-routes.ts'
import { accessKeyRoutes } from './features/sessions/access-key-routes.ts'
import { identifyCallers } from './features/sessions/current-session.ts'
import { findUser } from './features/sessions/find-user.ts'
import { sessionRoutes } from './features/sessions/session-routes.ts'
import { stockRoutes } from './features/stock/stock-routes.ts'
import { healthRoutes } from './http/health-routes.ts'
import { shedLoad } from './http/load-shedding.ts'
import { openHttp, requestIds } from './http/open-http.ts'
import { describeRoutes } from './http/openapi.ts'
import { isLoopback, limitRates, openRateLimiter, type RateRule } from './http/rate-limit.ts'
import type { Resources } from './open-resources.ts'
import { serveOwnRoutes } from './own-routes.ts'

/** The console as `npm run build --workspace console` leaves it. */
const CONSOLE_DIR = path.resolve(import.meta.dirname, '../../console/dist')

export async function createApp(resources: Resources, version: string): Promise<FastifyInstance> {
  const { config, database, sessions, documents, files, functions, payments, log, localToken } = resources
  const uploadLimitBytes = config.UPLOAD_LIMIT_BYTES
  const appId = config.WECHAT_APP_ID

  const app = openHttp({ bodyLimitBytes: config.BODY_LIMIT_BYTES, requestDeadlineMs: config.REQUEST_DEADLINE_MS }, log)
  resources.watch.monitor.observe(app)
  resources.recentRequests.observe(app)
  resources.trace.observe(app)
  app.addHook('onSend', (_request, reply, _payload, done) => {
    if (resources.isStopping()) reply.header('connection', 'close')
    done()
  })
  shedLoad(app, { maxInFlight: config.MAX_IN_FLIGHT, requestIdOf: requestIds() })
  identifyCallers(app, sessions, localToken)
  const rates = openRateLimiter()
  const strangerRate = (ip: string) => ({ key: `i:${ip}`, perSecond: config.IP_REQUESTS_PER_SECOND })
  const ruleOf: RateRule = (request) => {
    const { identity, ip } = request
    if (identity.kind === 'user') return { key: `s:${identity.sessionId}`, perSecond: config.USER_REQUESTS_PER_SECOND }
    // Functions, the command line and Nginx's own checks come from this machine.
    if (identity.kind !== 'anonymous' || isLoopback(request)) return undefined
    // A program with a key is known only once the door has read its signature: then it counts as itself.
    return { ...strangerRate(ip), isOnlyChecked: request.url.startsWith('/admin') }
  }
  limitRates(app, ruleOf, rates)
  await describeRoutes(app, version)

  await app.register(healthRoutes({ check: () => database.ping(), isStopping: resources.isStopping }))
  await app.register(metricsRoutes(resources.watch.monitor))
  await app.register(sessionRoutes(resources.login), { prefix: '/v1' })
  await app.register(accessKeyRoutes(resources), { prefix: '/v1/keys' })
  await app.register(documentRoutes({ documents }), { prefix: '/v1/documents' })
  await app.register(collectionRoutes(documents), { prefix: '/v1/documents/collections' })
  await app.register(fileRoutes({ files, uploadLimitBytes }), { prefix: '/v1/files' })
  await app.register(fileContentRoutes(files), { prefix: '/cloud' })
  await app.register(uploadTicketRoutes({ files, uploadLimitBytes }), { prefix: '/cloud-upload' })
  await app.register(functionRoutes({ functions, openData: resources.openData, appId }), { prefix: '/v1/functions' })
  await app.register(functionHttpRoutes({ functions, bodyLimitBytes: config.BODY_LIMIT_BYTES }), { prefix: '/http' })
  await app.register(roomRoutes({ ...resources, env: config.ENV_ID }), { prefix: '/v1/realtime' })
  await app.register(jobRoutes(resources), { prefix: '/v1/jobs' })
  await app.register(stockRoutes(resources), { prefix: '/v1/stock' })
  if (payments) await app.register(paymentRoutes({ payments }), { prefix: '/v1/payments' })
  serveRealtime(app, { ...resources, env: config.ENV_ID })
  const pay = payments && cloudPay(payments, log)
  const findUserHere = (openId: string) => findUser(database, openId)
  const programRates = {
    countKey: (keyId: string) => rates.count({ key: `k:${keyId}`, perSecond: config.KEY_REQUESTS_PER_SECOND }),
    countStranger: (ip: string) => rates.count(strangerRate(ip)),
  }
  const doorNeeds = { ...resources, appId, findUser: findUserHere, programRates, ...(pay && { pay }) }
  await app.register(adminDoor(doorNeeds), { prefix: '/admin' })
  await serveOwnRoutes(app, { ...resources, serverRoot: resources.project.serverRoot })
  await app.register(consoleRoutes({ ...resources, version, staticDir: CONSOLE_DIR }), { prefix: '/console' })
  return app
}
