/** The mix, as the hand-written peers speak it: 10 % log-in, 40 % list of 20, 30 % detail, 20 % form. */

import { CATEGORIES, POSTS, USERS } from '../src/forum-data.ts'
import type { RequestStep } from '../src/request-template.ts'

export const MIX_WEIGHTS = { login: 10, list: 40, detail: 30, submit: 20 } as const

export const FORM_TEXT = '{{text 60}}'

/** Users that the generator is logged in as while it measures. */
export const ACTIVE_USERS = 500

export const FORUM_STEPS: readonly RequestStep[] = [
  {
    name: 'login',
    weight: MIX_WEIGHTS.login,
    method: 'POST',
    path: '/login',
    body: { code: `{{unique}}`, openId: `o-bench-{{integer 1 ${USERS}}}` },
    isAnonymous: true,
  },
  { name: 'list', weight: MIX_WEIGHTS.list, method: 'GET', path: `/posts?category={{integer 0 ${CATEGORIES - 1}}}` },
  { name: 'detail', weight: MIX_WEIGHTS.detail, method: 'GET', path: `/posts/{{integer 1 ${POSTS}}}` },
  {
    name: 'submit',
    weight: MIX_WEIGHTS.submit,
    method: 'POST',
    path: '/forms',
    body: { postId: `{{integer 1 ${POSTS}}}`, name: '船客', phone: '13800000000', content: FORM_TEXT },
  },
]
