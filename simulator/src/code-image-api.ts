import type { Pages } from './pages.ts'
import { drawCode } from './png.ts'
import type { Quotas } from './quotas.ts'
import { Refusal } from './refusal.ts'
import { type Answer, type Input, postApi, type Route, textOf } from './route.ts'

const WIDTH_PX = 430
const SCENE = /^[0-9A-Za-z!#$&'()*+,/:;=?@\-._~]{1,32}$/
const PATH_LIMIT_CHARS = 1_024

/** Codes to scan. Success is an image, failure is JSON: the caller has to look. */
export function codeImageApi(quotas: Quotas, pages: Pages): Route[] {
  /** Codes with a path of any length share one small quota for the whole life of the account. */
  const limited = (kind: string) => (input: Input) => {
    const path = textOf(input.json, 'path')
    if (path.length > PATH_LIMIT_CHARS) throw new Refusal(40097)
    quotas.take('limitedCodeImages')
    return image(`${kind}:${path}`, input)
  }

  return [
    postApi('/wxa/getwxacodeunlimit', (input) => {
      quotas.take('codeImageMinute')
      const { scene, page, check_path: checkPath = true } = input.json
      if (typeof scene !== 'string' || !SCENE.test(scene)) throw new Refusal(40129)
      if (page !== undefined && checkPath === true) pages.check(textOf(input.json, 'page'))
      return image(`unlimited:${scene}:${page}`, input)
    }),
    postApi('/wxa/getwxacode', limited('limited')),
    postApi('/cgi-bin/wxaapp/createwxaqrcode', limited('square')),
  ]
}

function image(text: string, { json }: Input): Answer {
  const { width = WIDTH_PX, env_version: version = 'release' } = json
  if (typeof width !== 'number' || width < 280 || width > 1280) throw new Refusal(40097)
  if (!['release', 'trial', 'develop'].includes(String(version))) throw new Refusal(40097)
  return { bytes: drawCode(text, Math.floor(width)), contentType: 'image/png' }
}
