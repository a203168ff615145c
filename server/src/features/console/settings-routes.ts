/** Settings: what the server runs with (never the secrets), which server was bought, and access keys. */
import { BUNDLES } from '@sampan/planner/catalogue/bundles'
import type { FastifyPluginAsync } from 'fastify'
import { type Config, SETTINGS, type SettingName } from '../../config.ts'
import { AppError } from '../../errors.ts'
import { type Static, Type } from '../../http/json-schema.ts'
import { BUNDLE_SETTING, parseBundle } from '../monitor/box-facts.ts'
import type { Watch } from '../monitor/watch.ts'
import type { WeChatCalls } from '../monitor/wechat-calls.ts'
import type { WeChatQuotas } from '../monitor/wechat-quotas.ts'
import type { AccessKeys } from '../sessions/access-keys.ts'
import type { Audit } from './audit-log.ts'

const strict = { additionalProperties: false } as const
const BundleBody = Type.Object({ bundle: Type.String({ minLength: 1, maxLength: 80 }) }, strict)
const KeyBody = Type.Object({ label: Type.String({ maxLength: 200 }) }, strict)
const KeyParams = Type.Object({ secretId: Type.String({ maxLength: 64 }) })
const ConfirmBody = Type.Object({ confirm: Type.String({ maxLength: 64 }) }, strict)

type Needs = {
  readonly config: Config
  readonly accessKeys: AccessKeys
  readonly watch: Watch
  readonly wechatCalls: WeChatCalls
  readonly wechatQuotas: WeChatQuotas
  readonly audit: Audit
}

export function settingsRoutes({
  config,
  accessKeys,
  watch,
  wechatCalls,
  wechatQuotas,
  audit,
}: Needs): FastifyPluginAsync {
  return async (app) => {
    app.get('/settings', { config: { role: 'developer' } }, async () => ({
      settings: Object.entries(SETTINGS).map(([name, setting]) => ({
        name,
        about: setting.about,
        aboutZh: setting.aboutZh,
        value: shownValue(config, name as SettingName), // safe: a key of SETTINGS
        isDefault: config[name as SettingName] === setting.fallback, // safe: as above
      })),
      bundle: watch.settings.find(BUNDLE_SETTING) ?? null,
      bundles: BUNDLES.filter((row) => !row.isSuperseded && row.mbps !== 'unknown' && row.trafficGB !== 'unknown'),
    }))

    app.put<{ Body: Static<typeof BundleBody> }>(
      '/settings/bundle',
      { schema: { body: BundleBody }, config: { role: 'owner' } },
      async (request) => {
        parseBundle(request.body.bundle)
        watch.settings.put(BUNDLE_SETTING, request.body.bundle)
        await audit(request, 'settings.bundle', request.body.bundle)
        return watch.boxFacts()
      },
    )

    app.get('/wechat', { config: { role: 'viewer' } }, async () => ({
      apis: wechatCalls.today().map((one) => ({ ...one, quota: wechatQuotas.find(one.api) })),
    }))

    app.get('/keys', { config: { role: 'owner' } }, async () => ({ keys: await accessKeys.list() }))

    app.post<{ Body: Static<typeof KeyBody> }>(
      '/keys',
      { schema: { body: KeyBody }, config: { role: 'owner' } },
      async (request) => {
        const key = await accessKeys.create(request.body.label)
        await audit(request, 'key.create', key.secretId, { label: request.body.label })
        return key
      },
    )

    app.delete<{ Params: Static<typeof KeyParams>; Body: Static<typeof ConfirmBody> }>(
      '/keys/:secretId',
      { schema: { params: KeyParams, body: ConfirmBody }, config: { role: 'owner' } },
      async (request) => {
        const { secretId } = request.params
        if (request.body.confirm !== secretId) throw new AppError('confirmation_missing', 'The key id was not typed.')
        await accessKeys.revoke(secretId)
        await audit(request, 'key.revoke', secretId)
        return {}
      },
    )
  }
}

/** Secrets are told as set or not; a database address may hold a password. */
function shownValue(config: Config, name: SettingName): string {
  const setting = SETTINGS[name]
  const value = String(config[name])
  if ('isSecret' in setting && setting.isSecret) return value ? '••••••••' : ''
  return value.replace(/^(\w+:\/\/[^:/@]*):[^@]*@/, '$1:••••@')
}
