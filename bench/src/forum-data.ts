/** The data every peer serves: posts of about 1 KB, people, and forms that people send in. The same for all. */
import { seededRandom } from './seeded-random.ts'

export const POSTS = 100_000
export const USERS = 50_000
export const CATEGORIES = 50
/** 1 Jan 2026, so that every run holds the same bytes. */
const FIRST_POST_MS = 1_767_225_600_000

export type Post = {
  readonly id: number
  readonly userId: number
  readonly category: number
  readonly status: 'open' | 'closed'
  readonly title: string
  readonly cover: string
  readonly summary: string
  readonly body: string
  readonly likes: number
  readonly createdAt: number
}

/** The collections of the built-in scenarios, in the shape that a project declares them in. */
export const FORUM_COLLECTIONS = [
  {
    name: 'bench_posts',
    rules: 'ADMINWRITE',
    indexes: [{ fields: { category: 1, status: 1, createdAt: -1 } }],
  },
  { name: 'bench_forms', rules: 'PRIVATE', indexes: [] },
] as const

/** A post as it is stored in `bench_posts`. */
export const toPostDocument = ({ id, ...post }: Post) => ({ _id: `post-${id}`, ...post })

export type Person = {
  readonly id: number
  readonly openId: string
  readonly nickname: string
  readonly avatar: string
}

const WORDS =
  '清晨 江面 薄雾 渔船 茶馆 码头 竹篙 稻田 石桥 灯火 集市 细雨 归家 山路 木屋 炊烟 远方 朋友 故事 时光'.split(' ')
const SUMMARY_WORDS = 25
const BODY_WORDS = 105

export function* posts(count = POSTS): Generator<Post> {
  const random = seededRandom(20260101)
  const prose = (words: number) =>
    Array.from({ length: words }, () => WORDS[random.integer(0, WORDS.length - 1)]).join('')
  for (let id = 1; id <= count; id++) {
    yield {
      id,
      userId: random.integer(1, USERS),
      category: random.integer(0, CATEGORIES - 1),
      status: random.next() < 0.9 ? 'open' : 'closed',
      title: prose(6),
      cover: `https://img.example.com/cover/${id}.jpg`,
      summary: prose(SUMMARY_WORDS),
      body: prose(BODY_WORDS),
      likes: random.integer(0, 5000),
      createdAt: FIRST_POST_MS + id * 60_000,
    }
  }
}

export function* people(): Generator<Person> {
  for (let id = 1; id <= USERS; id++) {
    yield { id, openId: `o-bench-${id}`, nickname: `船客${id}`, avatar: `https://img.example.com/avatar/${id}.jpg` }
  }
}
