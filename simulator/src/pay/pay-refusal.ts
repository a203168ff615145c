/**
 * What WeChat Pay says when it refuses: an HTTP status, a code and a text.
 *
 * The number is the last part of the Request-Id header, which their support asks for; it is finer than the code.
 */
// biome-ignore format: a table keeps its columns
const REFUSALS = {
  wrongParameter:   { status: 400, code: 'PARAM_ERROR',           number: 268435461, message: '参数错误' },
  missingOpenid:    { status: 400, code: 'PARAM_ERROR',           number: 268501013, message: 'JSAPI支付必须传openid' },
  extraParameter:   { status: 400, code: 'PARAM_ERROR',           number: 270924358, message: '参数中含有非法的额外参数' },
  foreignApp:       { status: 400, code: 'APPID_MCHID_NOT_MATCH', number: 268445527, message: 'appid和mch_id不匹配' },
  otherParameters:  { status: 400, code: 'INVALID_REQUEST',       number: 268498688, message: '请求重入时,参数与首次请求时不一致' },
  ruleBroken:       { status: 400, code: 'INVALID_REQUEST',       number: 268435461, message: '请求不符合业务规则' },
  paid:             { status: 400, code: 'ORDER_PAID',            number: 268498689, message: '该订单已支付' },
  closed:           { status: 400, code: 'ORDER_CLOSED',          number: 268447914, message: '该订单已失效' },
  wrongSignature:   { status: 401, code: 'SIGN_ERROR',            number: 268443699, message: '签名错误' },
  notEnough:        { status: 403, code: 'NOT_ENOUGH',            number: 268435464, message: '基本账户余额不足' },
  noOrder:          { status: 404, code: 'ORDER_NOT_EXIST',       number: 268512771, message: '订单不存在' },
  noRefund:         { status: 404, code: 'RESOURCE_NOT_EXISTS',   number: 268512771, message: '退款单不存在' },
  noCertificate:    { status: 404, code: 'RESOURCE_NOT_EXISTS',   number: 268512771, message: '无可用的平台证书,请使用微信支付公钥' },
  noBill:           { status: 400, code: 'NO_STATEMENT_EXIST',    number: 268435461, message: '账单文件不存在' },
  billNotReady:     { status: 400, code: 'STATEMENT_CREATING',    number: 268435461, message: '账单生成中' },
  tooOften:         { status: 429, code: 'FREQUENCY_LIMITED',     number: 268447840, message: '频率限制' },
  broken:           { status: 500, code: 'SYSTEM_ERROR',          number: 268435456, message: '系统异常,请用相同参数重新调用' },
} as const

export type PayRefusalName = keyof typeof REFUSALS

export class PayRefusal extends Error {
  override readonly name = 'PayRefusal'
  readonly status: number
  readonly code: string
  readonly number: number

  constructor(name: PayRefusalName, message: string = REFUSALS[name].message) {
    super(message)
    this.status = REFUSALS[name].status
    this.code = REFUSALS[name].code
    this.number = REFUSALS[name].number
  }
}
