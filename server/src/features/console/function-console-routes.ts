/** Cloud functions in the console: list, source, test call as a user, calls with their output, timers. */
import { existsSync } from 'node:fs'
import { readdir, readFile, stat } from 'node:fs/promises'
import path from 'node:path'
import type { FastifyPluginAsync } from 'fastify'
import { AppError } from '../../errors.ts'
import { type Static, Type } from '../../http/json-schema.ts'
import type { FunctionTimers } from '../functions/function-timers.ts'
import type { Functions } from '../functions/functions.ts'
import type { Identity } from '../sessions/identity.ts'
import type { Audit } from './audit-log.ts'
import { identityOf } from './console-access.ts'

const SOURCE_FILES_MAX = 40
const SOURCE_BYTES_MAX = 200 * 1024
const CALL_DEADLINE_MS = 65_000
const CALLS_SHOWN = 100
const strict = { additionalProperties: false } as const
/** Shown as source; anything else may be large or secret. */
const SOURCE_EXTENSIONS = new Set(['.js', '.cjs', '.mjs', '.ts', '.json'])
const HIDDEN = /^\.|^node_modules$/

const NameParams = Type.Object({ name: Type.String({ minLength: 1, maxLength: 64 }) })
const TimerParams = Type.Object({ name: Type.String({ maxLength: 64 }), timer: Type.String({ maxLength: 64 }) })
const CallBody = Type.Object(
  {
    data: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
    /** Empty: as nobody in particular. */
    openId: Type.String({ pattern: '^[\\w-]{0,64}$' }),
  },
  strict,
)
const CallsQuery = Type.Object(
  {
    functionName: Type.Optional(Type.String({ maxLength: 64 })),
    requestId: Type.Optional(Type.String({ maxLength: 64 })),
    status: Type.Optional(Type.Union([Type.Literal('ok'), Type.Literal('failed')])),
  },
  strict,
)

type Needs = {
  readonly functions: Functions
  readonly timers: FunctionTimers
  readonly functionsRoot: string | undefined
  readonly appId: string
  readonly audit: Audit
}

export function functionConsoleRoutes({ functions, timers, functionsRoot, appId, audit }: Needs): FastifyPluginAsync {
  const requireFunction = (name: string) => {
    if (functions.list().some((one) => one.name === name)) return name
    throw new AppError('function_not_found', `There is no function "${name}".`, { details: { function: name } })
  }

  return async (app) => {
    app.get('/functions', { config: { role: 'viewer' } }, async () => ({
      functions: functions.list(),
      usage: functions.usage(),
      timers: timers.upcoming(),
    }))

    app.get<{ Params: Static<typeof NameParams> }>(
      '/functions/:name/source',
      { schema: { params: NameParams }, config: { role: 'developer' } },
      async ({ params }) => {
        const name = requireFunction(params.name)
        return { files: functionsRoot ? await readSources(path.join(functionsRoot, name)) : [] }
      },
    )

    app.post<{ Params: Static<typeof NameParams>; Body: Static<typeof CallBody> }>(
      '/functions/:name/call',
      { schema: { params: NameParams, body: CallBody }, config: { deadlineMs: CALL_DEADLINE_MS } },
      async (request) => {
        const { openId, data = {} } = request.body
        const name = requireFunction(request.params.name)
        const identity: Identity = openId ? { kind: 'user', openId, appId, sessionId: 'console' } : identityOf(request)
        await audit(request, 'function.call', name, { as: openId || '(nobody)', requestId: request.id })
        const { result, ...answer } = await functions.call(name, data, {
          identity,
          requestId: request.id,
          source: openId ? 'wx_client' : 'wx_devtools',
          clientIp: request.ip,
        })
        return { ...answer, result: result === undefined ? null : (JSON.parse(result) as unknown) } // safe: JSON text
      },
    )

    app.post<{ Params: Static<typeof TimerParams> }>(
      '/functions/:name/timers/:timer/run',
      { schema: { params: TimerParams }, config: { deadlineMs: CALL_DEADLINE_MS } },
      async (request) => {
        const { name, timer } = request.params
        await audit(request, 'timer.run', `${name}/${timer}`)
        await timers.runNow(name, timer, request.id)
        return { requestId: request.id }
      },
    )

    app.get<{ Querystring: Static<typeof CallsQuery> }>(
      '/calls',
      { schema: { querystring: CallsQuery }, config: { role: 'viewer' } },
      async ({ query }) => ({ calls: await functions.calls({ ...query, limit: CALLS_SHOWN }) }),
    )
  }
}

async function readSources(folder: string) {
  if (!existsSync(folder)) return []
  const names = await readdir(folder, { recursive: true })
  const files: { path: string; text: string }[] = []
  let left = SOURCE_BYTES_MAX
  for (const name of names.toSorted(entryFirst)) {
    const isShown = SOURCE_EXTENSIONS.has(path.extname(name)) && !name.split(path.sep).some((part) => HIDDEN.test(part))
    if (!isShown || files.length >= SOURCE_FILES_MAX) continue
    const { size } = await stat(path.join(folder, name))
    if (size > left) continue
    left -= size
    files.push({ path: name.replaceAll(path.sep, '/'), text: await readFile(path.join(folder, name), 'utf8') })
  }
  return files
}

const entryFirst = (a: string, b: string) =>
  Number(b.startsWith('index.')) - Number(a.startsWith('index.')) || a.localeCompare(b)
