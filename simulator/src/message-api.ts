import type { MessagePush } from './message-push.ts'
import { objectionTo } from './message-values.ts'
import type { Pages } from './pages.ts'
import type { People, Person } from './people.ts'
import type { Quotas } from './quotas.ts'
import { Refusal } from './refusal.ts'
import { type Answer, isRecord, ok, postApi, type Route, textOf } from './route.ts'
import type { Subscriptions } from './subscriptions.ts'
import type { Talks } from './talks.ts'
import type { Template, Templates } from './templates-api.ts'

type Needs = {
  people: People
  quotas: Quotas
  templates: Templates
  subscriptions: Subscriptions
  pages: Pages
  push: MessagePush
  talks: Talks
}

/** Messages to users. None has an idempotency key: what is sent twice arrives twice, as in life. */
export function messageApi({ people, quotas, templates, subscriptions, pages, push, talks }: Needs): Route[] {
  const receiver = (json: Readonly<Record<string, unknown>>): Person => {
    const person = people.findByOpenid(String(json['touser'] ?? ''))
    if (!person) throw new Refusal(40003)
    return person
  }
  let messageNumber = 0

  return [
    postApi('/cgi-bin/message/subscribe/send', ({ json }): Answer => {
      quotas.take('messagesPerDay')
      const { openid } = receiver(json)
      const templateId = textOf(json, 'template_id')
      const template = templates.check(templateId)
      checkData(json['data'], template)
      if (json['page'] !== undefined) pages.check(textOf(json, 'page'))
      if (!template?.isLongTerm && !subscriptions.use(openid, templateId)) throw new Refusal(43101)

      messageNumber += 1
      const sent = { TemplateId: templateId, MsgID: String(messageNumber), ErrorCode: '0', ErrorStatus: 'success' }
      push.send({ openid, event: 'subscribe_msg_sent_event', facts: { List: sent } })
      return ok({ msgid: messageNumber })
    }),
    postApi('/cgi-bin/message/custom/send', ({ json }) => {
      const person = receiver(json)
      const kind = textOf(json, 'msgtype')
      if (!isRecord(json[kind])) throw new Refusal(47001)
      talks.reply(person.openid)
      return ok()
    }),
    postApi('/cgi-bin/message/custom/typing', ({ json }) => {
      talks.check(receiver(json).openid)
      return ok()
    }),
    postApi('/cgi-bin/message/wxopen/template/uniform_send', ({ json }) => {
      receiver(json)
      // The mini program half of this API is dead since 2020; only the official account half is still sent.
      if (!isRecord(json['mp_template_msg'])) throw new Refusal(40037)
      return ok()
    }),
    postApi('/cgi-bin/message/wxopen/template/send', () => {
      throw new Refusal(48001, 'api unauthorized: template messages were replaced by subscribe messages')
    }),
  ]
}

/** @throws {Refusal} 47003 that names the field */
function checkData(data: unknown, template: Template | undefined) {
  if (!isRecord(data)) throw new Refusal(47001)
  const keys = new Set([...(template?.keys ?? []), ...Object.keys(data)])
  if (keys.size === 0) throw new Refusal(47003, 'argument invalid! data is empty')
  for (const key of keys) {
    const field = data[key]
    const isForeign = template && !template.keys.includes(key)
    const objection = isForeign
      ? `data.${key} is not defined`
      : objectionTo(key, isRecord(field) ? (field['value'] ?? '') : field === undefined ? '' : undefined)
    if (objection) throw new Refusal(47003, `argument invalid! ${objection}`)
  }
}
