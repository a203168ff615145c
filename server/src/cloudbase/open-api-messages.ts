/**
 * The protobuf messages of `wx.openApi`, read and written by hand: five small messages do not need a library.
 * Field numbers as in wx-server-sdk's `openapi.proto`; wire format: protobuf.dev/programming-guides/encoding.
 */

export type Pair = {
  readonly key: string
  readonly value: Buffer
  /** Set for files. */
  readonly contentType: string
  readonly fileName: string
}

export type ApiCall =
  | { readonly kind: 'open-api'; readonly pairs: readonly Pair[]; readonly appId: string }
  | { readonly kind: 'internal'; readonly name: string; readonly data: Buffer; readonly appId: string }

export type ApiReply = { readonly data: Buffer; readonly contentType: string; readonly httpCode: number }

const VARINT = 0
const BYTES = 2
const SVRKIT_API = 2

type Field = { readonly number: number; readonly value: number; readonly bytes: Buffer }

/** CommApiData. @throws {RangeError} if it is cut short */
export function decodeApiCall(message: Buffer): ApiCall {
  const fields = readFields(message)
  const appId = bytesOf(fields, 6).toString('utf8')
  if (numberOf(fields, 1) === SVRKIT_API) {
    const internal = readFields(bytesOf(fields, 4))
    return { kind: 'internal', name: bytesOf(internal, 1).toString('utf8'), data: bytesOf(internal, 2), appId }
  }
  const pairs = readFields(bytesOf(fields, 2))
    .filter(({ number }) => number === 1)
    .map(({ bytes }) => readFields(bytes))
    .map((pair) => ({
      key: bytesOf(pair, 1).toString('utf8'),
      value: bytesOf(pair, 2),
      contentType: bytesOf(pair, 3).toString('utf8'),
      fileName: bytesOf(pair, 4).toString('utf8'),
    }))
  return { kind: 'open-api', pairs, appId }
}

/** CommOpenApiResp. */
export const encodeApiReply = ({ data, contentType, httpCode }: ApiReply): Buffer =>
  Buffer.concat([bytesField(1, data), bytesField(2, contentType), varintField(4, httpCode)])

/** ApiGetOpenDataByCloudIdReq: the list of CloudIDs. */
export const decodeCloudIds = (message: Buffer): string[] =>
  readFields(message)
    .filter(({ number }) => number === 2)
    .map(({ bytes }) => bytes.toString('utf8'))

/** ApiVoipSignReq. */
export function decodeVoiceRoom(message: Buffer): { groupId: string; timestampSeconds: number; nonce: string } {
  const fields = readFields(message)
  return {
    groupId: bytesOf(fields, 2).toString('utf8'),
    timestampSeconds: numberOf(fields, 3),
    nonce: bytesOf(fields, 4).toString('utf8'),
  }
}

/** ApiVoipSignResp. */
export const encodeVoiceSignature = (signature: string): Buffer => bytesField(1, signature)

/** ApiGetOpenDataByCloudIdResp. */
export const encodeOpenData = (items: readonly { readonly cloudId: string; readonly json: string }[]): Buffer =>
  Buffer.concat(
    items.map(({ cloudId, json }) => bytesField(1, Buffer.concat([bytesField(1, cloudId), bytesField(2, json)]))),
  )

const bytesOf = (fields: readonly Field[], number: number) =>
  fields.findLast((field) => field.number === number)?.bytes ?? Buffer.alloc(0)
const numberOf = (fields: readonly Field[], number: number) =>
  fields.findLast((field) => field.number === number)?.value ?? 0

function readFields(message: Buffer): Field[] {
  const fields: Field[] = []
  let at = 0
  const readVarint = () => {
    let value = 0
    let factor = 1
    for (;;) {
      const byte = message.readUInt8(at)
      at += 1
      value += (byte & 0x7f) * factor
      if (byte < 0x80) return value
      factor *= 128
    }
  }
  while (at < message.length) {
    const tag = readVarint()
    const [number, type] = [Math.floor(tag / 8), tag % 8]
    if (type === VARINT) {
      fields.push({ number, value: readVarint(), bytes: Buffer.alloc(0) })
    } else if (type === BYTES) {
      const length = readVarint()
      if (at + length > message.length) throw new RangeError('A protobuf message was cut short.')
      fields.push({ number, value: 0, bytes: message.subarray(at, at + length) })
      at += length
    } else {
      // Eight or four bytes; none of our messages has such fields.
      at += type === 1 ? 8 : 4
    }
  }
  return fields
}

function varint(value: number): Buffer {
  const bytes: number[] = []
  let rest = value
  do {
    bytes.push((rest % 128) + (rest >= 128 ? 128 : 0))
    rest = Math.floor(rest / 128)
  } while (rest > 0)
  return Buffer.from(bytes)
}

const varintField = (number: number, value: number) => Buffer.concat([varint(number * 8 + VARINT), varint(value)])

function bytesField(number: number, content: Buffer | string): Buffer {
  const bytes = Buffer.from(content)
  return Buffer.concat([varint(number * 8 + BYTES), varint(bytes.length), bytes])
}
