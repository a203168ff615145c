const DATE = String.raw`\d{4}(?:年\d{1,2}月\d{1,2}日|[-/.]\d{1,2}[-/.]\d{1,2})`
const TIME = String.raw`\d{1,2}:\d{2}(?::\d{2})?`
const MOMENT = String.raw`(?:${DATE}\s*)?${TIME}`
const DAY = String.raw`${DATE}(?:\s*${TIME})?`

/**
 * What each kind of template key takes. The number at the end of a key (`thing1`) only tells keys apart.
 *
 * @see https://developers.weixin.qq.com/miniprogram/dev/OpenApiDoc/mp-message-management/subscribe-message/sendMessage.html
 */
// biome-ignore format: a table keeps its columns
const VALUE_RULES: Readonly<Record<string, RegExp>> = {
  thing:            /^.{1,20}$/u,
  number:           /^\d{1,32}(\.\d{1,32})?$/,
  letter:           /^[A-Za-z]{1,32}$/,
  symbol:           /^[^\p{L}\p{N}\s]{1,5}$/u,
  character_string: /^[\x21-\x7e]{1,32}$/,
  time:             new RegExp(`^${MOMENT}(?:\\s*[~-]\\s*${MOMENT})?$`),
  date:             new RegExp(`^${DAY}(?:\\s*~\\s*${DAY})?$`),
  amount:           /^[¥￥$€£]?\d{1,10}(\.\d{1,10})?元?$/,
  phone_number:     /^[\d+() -]{1,17}$/,
  car_number:       /^[\p{Script=Han}A-Za-z0-9]{1,8}$/u,
  name:             /^(?:[A-Za-z .]{1,20}|(?=.*\p{Script=Han})[\p{Script=Han}A-Za-z·. ]{1,10})$/u,
  phrase:           /^\p{Script=Han}{1,5}$/u,
  enum_string:      /^.{1,20}$/u,
  const:            /^.{1,20}$/u,
}

/** Why WeChat would refuse this value (the end of its error text), or undefined if it takes it. */
export function objectionTo(key: string, value: unknown): string | undefined {
  const kind = /^([a-z_]+?)_?\d+$/.exec(key)?.[1]
  const rule = kind === undefined ? undefined : VALUE_RULES[kind]
  if (!rule) return `data.${key} is not defined`
  if (typeof value !== 'string' && typeof value !== 'number') return `data.${key}.value invalid`
  if (value === '') return `data.${key}.value is emtpy` // their spelling
  const hasControls = /[\u0000-\u001f\u007f]/.test(String(value))
  return !hasControls && rule.test(String(value)) ? undefined : `data.${key}.value invalid`
}
