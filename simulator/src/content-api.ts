import type { MessagePush } from './message-push.ts'
import type { People } from './people.ts'
import type { Quotas } from './quotas.ts'
import { Refusal } from './refusal.ts'
import { ok, postApi, type Route, textOf } from './route.ts'
import type { SeededRandom } from './seeded-random.ts'

const CONTENT_LIMIT_CHARS = 2_500
const IMAGE_LIMIT_BYTES = 1024 * 1024
/** WeChat only judges what someone wrote who was there lately. */
const VISIT_WINDOW_MS = 2 * 3_600_000

const LABEL_NORMAL = 100
const LABEL_OTHER = 21_000

/** Words that make a text, an image name or an address risky here. WeChat's own judgement is much larger. */
export const RISKY_WORDS: readonly string[] = ['违规', '赌博', '办证', 'forbidden-word']
/** Words that a person should look at. */
const REVIEW_WORDS = ['加微信', 'needs-review']

type Needs = {
  appId: string
  people: People
  quotas: Quotas
  random: SeededRandom
  push: MessagePush
  now: () => number
  riskyWords?: readonly string[] | undefined
}

/** Content security: what users write and upload, judged. */
export function contentApi({ appId, people, quotas, random, push, now, riskyWords = RISKY_WORDS }: Needs): Route[] {
  const judge = (text: string) => {
    const risky = riskyWords.find((word) => text.includes(word))
    if (risky) return { suggest: 'risky', label: LABEL_OTHER, keyword: risky }
    const doubtful = REVIEW_WORDS.find((word) => text.includes(word))
    if (doubtful) return { suggest: 'review', label: LABEL_OTHER, keyword: doubtful }
    return { suggest: 'pass', label: LABEL_NORMAL, keyword: undefined }
  }

  const checkAuthor = (json: Readonly<Record<string, unknown>>) => {
    const person = people.findByOpenid(textOf(json, 'openid'))
    if (!person) throw new Refusal(40003)
    if (now() - person.seenAtMs > VISIT_WINDOW_MS) throw new Refusal(61010)
    const scene = json['scene']
    if (![1, 2, 3, 4].includes(Number(scene))) throw new Refusal(40129)
    return { person, scene: Number(scene) }
  }

  const traceId = () => `${random.hex8()}-${random.hex8()}-${random.hex8()}`

  return [
    postApi('/wxa/msg_sec_check', ({ json }) => {
      quotas.take('textCheckMinute')
      quotas.take('textCheckDay')
      const content = textOf(json, 'content')
      if (content.length > CONTENT_LIMIT_CHARS) throw new Refusal(40097)
      if (json['version'] === undefined) {
        // Version 1 knows no author: it only says no.
        if (judge(content).suggest === 'risky') throw new Refusal(87014)
        return ok()
      }
      checkAuthor(json)
      const parts = ['content', 'nickname', 'title', 'signature'].map((name) => String(json[name] ?? ''))
      const { suggest, label, keyword } = judge(parts.join('\n'))
      const detail = [{ strategy: 'keyword', errcode: 0, suggest, label, ...(keyword && { keyword, level: 90 }) }]
      return ok({ result: { suggest, label }, detail, trace_id: traceId() })
    }),
    postApi('/wxa/media_check_async', ({ json }) => {
      quotas.take('mediaCheckMinute')
      quotas.take('mediaCheckDay')
      const { person } = checkAuthor(json)
      const mediaUrl = textOf(json, 'media_url')
      if (![1, 2].includes(Number(json['media_type']))) throw new Refusal(40097)
      const id = traceId()
      const { suggest, label } = judge(decodeURIComponent(mediaUrl))
      const result = { suggest, label }
      const facts = {
        appid: appId,
        trace_id: id,
        version: 2,
        detail: [{ strategy: 'content_model', errcode: 0, ...result }],
        result,
      }
      push.send({ openid: person.openid, event: 'wxa_media_check', facts })
      return ok({ trace_id: id })
    }),
    {
      ...postApi('/wxa/img_sec_check', ({ bytes }) => {
        quotas.take('mediaCheckMinute')
        if (bytes.length > IMAGE_LIMIT_BYTES) throw new Refusal(40006)
        // An image that holds a risky word, for instance in its file name, is a risky image.
        if (judge(bytes.toString('utf8')).suggest === 'risky') throw new Refusal(87014)
        return ok()
      }),
      body: 'media',
    },
  ]
}
