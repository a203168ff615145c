import { Refusal } from './refusal.ts'
import type { Answer, Input, Route } from './route.ts'
import { getApi, ok, postApi, textOf } from './route.ts'
import type { SeededRandom } from './seeded-random.ts'

const TEMPLATE_LIMIT = 25

/** A template of subscribe messages as the account's console shows it. */
export type Template = {
  readonly id: string
  readonly title: string
  /** Such as `['thing1', 'time2']`; all of them must be sent, and no others. */
  readonly keys: readonly string[]
  /** Long-term templates need no grant per message; only public services get them. */
  readonly isLongTerm?: boolean
}

export type Templates = {
  /** @throws {Refusal} 40037 if the account does not have it */
  check(id: string): Template | undefined
  list(): Template[]
  add(template: Template): void
  remove(id: string): boolean
}

/**
 * The account's templates. Without a list of its own the simulator takes any id of the right shape, because a developer's
 * pages name the templates of the real account.
 */
export function openTemplates(given: readonly Template[] | undefined): Templates {
  const templates = new Map(given?.map((template) => [template.id, template]))
  return {
    check(id) {
      const template = templates.get(id)
      if (!template && (given || !/^[\w-]{43}$/.test(id))) throw new Refusal(40037)
      return template
    },
    list: () => [...templates.values()],
    add: (template) => void templates.set(template.id, template),
    remove: (id) => templates.delete(id),
  }
}

/** The public library that templates are chosen from; two entries, so that a tool for it can be tried. */
// biome-ignore format: a table keeps its columns
const LIBRARY = [
  { tid: 99, title: '预约成功通知', keys: ['thing1', 'time2', 'thing3', 'name4', 'phone_number5'] },
  { tid: 100, title: '订单发货通知', keys: ['character_string1', 'thing2', 'amount3', 'time4', 'phrase5'] },
]

export function templatesApi(templates: Templates, random: SeededRandom): Route[] {
  return [
    getApi('/wxaapi/newtmpl/gettemplate', () => {
      const data = templates.list().map(({ id, title, keys, isLongTerm }) => ({
        priTmplId: id,
        title,
        content: keys.map((key) => `${key}:{{${key}.DATA}}\n`).join(''),
        example: keys.map((key) => `${key}:${key}\n`).join(''),
        type: isLongTerm ? 3 : 2,
      }))
      return ok({ data })
    }),
    getApi('/wxaapi/newtmpl/getcategory', () => ok({ data: [{ id: 616, name: '公交' }] })),
    getApi('/wxaapi/newtmpl/getpubtemplatetitles', () => {
      const data = LIBRARY.map(({ tid, title }) => ({ tid, title, type: 2, categoryId: '616' }))
      return ok({ count: data.length, data })
    }),
    getApi('/wxaapi/newtmpl/getpubtemplatekeywords', ({ query }) => {
      const data = inLibrary(query['tid']).keys.map((key, at) => ({
        kid: at + 1,
        name: key,
        example: key,
        rule: key.replace(/\d+$/, ''),
      }))
      return ok({ count: data.length, data })
    }),
    postApi('/wxaapi/newtmpl/addtemplate', ({ json }: Input): Answer => {
      const { title, keys } = inLibrary(json['tid'])
      const chosen = Array.isArray(json['kidList']) ? json['kidList'].map((kid) => keys[Number(kid) - 1]) : []
      if (chosen.length < 2 || chosen.length > 5 || chosen.includes(undefined)) throw new Refusal(47001)
      if (templates.list().length >= TEMPLATE_LIMIT) throw new Refusal(200014)
      const id = random.letters(43)
      templates.add({ id, title, keys: chosen.map(String) })
      return ok({ priTmplId: id })
    }),
    postApi('/wxaapi/newtmpl/deltemplate', ({ json }) => {
      if (!templates.remove(textOf(json, 'priTmplId'))) throw new Refusal(40037)
      return ok()
    }),
  ]
}

function inLibrary(tid: unknown) {
  const found = LIBRARY.find((entry) => entry.tid === Number(tid))
  if (!found) throw new Refusal(200011)
  return found
}
