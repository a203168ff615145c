import { createHash, createHmac } from 'node:crypto'
import type { AccessTokens } from './access-tokens.ts'
import type { People } from './people.ts'
import type { Quotas } from './quotas.ts'
import { Refusal } from './refusal.ts'
import { getApi, ok, postApi, type Route, textOf } from './route.ts'

type Needs = {
  appId: string
  secret: string
  hasUnionIds: boolean
  now: () => number
  people: People
  tokens: AccessTokens
  quotas: Quotas
}

const COUNTRY_CODE = '86'

/** Who someone is: login, access tokens, phone number, checks of the session key. */
export function loginApi({ appId, secret, hasUnionIds, now, people, tokens, quotas }: Needs): Route[] {
  const checkAccount = (sentAppId: unknown, sentSecret: unknown) => {
    if (!sentAppId) throw new Refusal(41002)
    if (!sentSecret) throw new Refusal(41004)
    if (sentAppId !== appId) throw new Refusal(40013)
    if (sentSecret !== secret) throw new Refusal(40125)
  }

  const personOf = (openid: string | undefined) => {
    const person = openid ? people.findByOpenid(openid) : undefined
    if (!person) throw new Refusal(40003)
    return person
  }

  return [
    {
      ...getApi('/sns/jscode2session', ({ query }) => {
        checkAccount(query['appid'], query['secret'])
        if (query['grant_type'] !== 'authorization_code') throw new Refusal(40002)
        if (!query['js_code']) throw new Refusal(41008)
        const person = people.spendCode('login', query['js_code'])
        quotas.take('loginPerUser', person.openid)
        if (person.isBlocked) throw new Refusal(40226)
        const answer = { session_key: people.startSession(person), openid: person.openid }
        return { json: hasUnionIds ? { ...answer, unionid: person.unionid } : answer }
      }),
      needsToken: false,
    },
    {
      ...getApi('/cgi-bin/token', ({ query }) => {
        if (query['grant_type'] !== 'client_credential') throw new Refusal(40002)
        checkAccount(query['appid'], query['secret'])
        return { json: tokens.classic() }
      }),
      needsToken: false,
    },
    {
      ...postApi('/cgi-bin/stable_token', ({ json }) => {
        if (json['grant_type'] !== 'client_credential') throw new Refusal(40002)
        checkAccount(json['appid'], json['secret'])
        return { json: tokens.stable(json['force_refresh'] === true) }
      }),
      needsToken: false,
    },
    postApi('/wxa/business/getuserphonenumber', ({ json }) => {
      const person = people.spendCode('phone', textOf(json, 'code'))
      const { phoneNumber } = person
      return ok({
        phone_info: {
          phoneNumber,
          purePhoneNumber: phoneNumber,
          countryCode: COUNTRY_CODE,
          watermark: { timestamp: Math.floor(now() / 1000), appid: appId },
        },
      })
    }),
    getApi('/wxa/checksession', ({ query }) => {
      const { sessionKey } = personOf(query['openid'])
      if (query['sig_method'] !== 'hmac_sha256') throw new Refusal(40097, 'invalid args: sig_method')
      // The key is used as the text it is, not decoded from base64.
      const expected = sessionKey === undefined ? '' : createHmac('sha256', sessionKey).update('').digest('hex')
      if (!expected || query['signature'] !== expected) throw new Refusal(87009)
      return ok()
    }),
    getApi('/wxa/resetusersessionkey', ({ query }) => {
      const person = personOf(query['openid'])
      const { sessionKey } = person
      const expected = sessionKey === undefined ? '' : createHmac('sha256', sessionKey).update('').digest('hex')
      if (!expected || query['signature'] !== expected) throw new Refusal(87009)
      return ok({ openid: person.openid, session_key: people.startSession(person) })
    }),
    getApi('/wxa/getpaidunionid', ({ query }) => {
      const person = personOf(query['openid'])
      return ok({ unionid: person.unionid })
    }),
    postApi('/wxa/business/checkencryptedmsg', ({ json }) => {
      const hash = textOf(json, 'encrypted_msg_hash')
      // Documentation and SDKs disagree about SHA-1 or SHA-256, so that both lengths are taken.
      const isHash = /^[0-9a-f]{40}$|^[0-9a-f]{64}$/i.test(hash)
      return ok({ vaild: isHash && hash !== EMPTY_SHA256, create_time: Math.floor(now() / 1000) }) // their spelling
    }),
  ]
}

const EMPTY_SHA256 = createHash('sha256').update('').digest('hex')
