/** `cloud.openapi.*`, `cloud.getOpenData` and `cloud.cloudPay.*`: WeChat's APIs by CloudBase's names. */
import { AppError, asAppError } from '../errors.ts'
import type { JsonObject } from '../features/documents/document-request.ts'
import { findOpenApi, type OpenApi } from '../wechat/open-api.ts'
import type { ApiRequest } from '../wechat/wechat.ts'
import {
  type AdminAction,
  type AdminRequest,
  type AdminServices,
  asObject,
  parseJson,
  textField,
} from './admin-request.ts'
import { decodeApiCall, decodeCloudIds, encodeApiReply, encodeOpenData, type Pair } from './open-api-messages.ts'

// biome-ignore format: a table keeps its columns
export const WECHAT_ACTIONS: Readonly<Record<string, AdminAction>> = {
  'wx.openApi':  openApi,
  'wx.api':      plainApi,
  'wx.wxPayApi': payApi,
}

/** The file's name when the program gave none; WeChat wants one. */
const MEDIA_FILE_NAME = 'media'
const MEDIA_FIELD = 'media'

/** Parameters and answer as protobuf. What WeChat itself refuses is an answer, too: the SDK throws its errcode. */
async function openApi(request: AdminRequest, services: AdminServices): ReturnType<AdminAction> {
  const call = decodeApiCall(bytesField(request, 'requestData'))
  if (call.kind === 'internal') {
    if (call.name !== 'ApiGetOpenDataByCloudId') {
      throw new AppError('not_supported', `${call.name} is not supported.`, { details: { api: call.name } })
    }
    const data = encodeOpenData(await readOpenData(decodeCloudIds(call.data), request, services))
    return encodeApiReply({ data, contentType: 'application/octet-stream', httpCode: 200 })
  }
  const name = textField(request, 'apiName')
  try {
    const answer = await services.wechat.callApi(pathOf(name), formRequest(findOpenApiOrThrow(name), call.pairs))
    const data = answer.bytes ?? Buffer.from(JSON.stringify(answer.json ?? {}))
    return encodeApiReply({ data, contentType: answer.contentType, httpCode: 200 })
  } catch (thrown) {
    const { details, message } = asAppError(thrown)
    const errcode = details?.['errcode']
    if (typeof errcode !== 'number') throw thrown
    const refusal = JSON.stringify({ errcode, errmsg: details?.['errmsg'] ?? message })
    return encodeApiReply({ data: Buffer.from(refusal), contentType: 'application/json', httpCode: 200 })
  }
}

/** The same with parameters and answer as JSON (`callWxOpenApi` of @cloudbase/node-sdk). */
async function plainApi(request: AdminRequest, { wechat }: AdminServices): ReturnType<AdminAction> {
  const name = textField(request, 'apiName')
  const api = findOpenApiOrThrow(name)
  const text = String(request.fields['requestData'] ?? '') || '{}'
  const parameters = asObject(parseJson(text, 'requestData'), 'requestData')
  const answer = await wechat.callApi(api.path, jsonRequest(api, parameters))
  const data = answer.json ?? { contentType: answer.contentType, buffer: answer.bytes?.toString('base64') ?? '' }
  return { data: { responseData: JSON.stringify(data) } }
}

async function payApi(request: AdminRequest, { pay }: AdminServices): ReturnType<AdminAction> {
  if (!pay) throw new AppError('not_supported', 'cloudPay needs a merchant; see docs/payments.md.')
  const text = bytesField(request, 'requestData').toString('utf8')
  const parameters = asObject(parseJson(text, 'requestData'), 'requestData')
  const answer = await pay(textField(request, 'apiName'), parameters, request.call?.user)
  return Buffer.from(JSON.stringify(answer))
}

function readOpenData(cloudIds: readonly string[], { call }: AdminRequest, { openData }: AdminServices) {
  return Promise.all(
    cloudIds.map(async (cloudId) => ({ cloudId, json: JSON.stringify(await openData.read(cloudId, call?.user)) })),
  )
}

function findOpenApiOrThrow(name: string): OpenApi {
  const api = findOpenApi(name)
  if (api) return api
  throw new AppError('not_supported', `cloud.openapi.${name} is not in the list of WeChat's APIs.`, {
    details: { api: name },
  })
}

const pathOf = (name: string) => findOpenApiOrThrow(name).path

/** Each parameter's value is JSON, except a file, which is bytes with a content type. */
function formRequest(api: OpenApi, pairs: readonly Pair[]): ApiRequest {
  const file = pairs.find(({ contentType }) => contentType !== '')
  const others = pairs.filter((pair) => pair !== file)
  const parameters = Object.fromEntries(others.map(({ key, value }) => [key, parseJson(value.toString('utf8'), key)]))
  if (!file) return jsonRequest(api, parameters)
  return {
    method: 'POST',
    body: parameters,
    media: {
      field: file.key || MEDIA_FIELD,
      fileName: file.fileName || `${MEDIA_FILE_NAME}.${file.contentType.split('/')[1] ?? 'bin'}`,
      contentType: file.contentType,
      bytes: file.value,
    },
  }
}

function jsonRequest({ method }: OpenApi, parameters: JsonObject): ApiRequest {
  if (method === 'POST') return { method, body: parameters }
  const texts = Object.entries(parameters).map(([key, value]) => [
    key,
    typeof value === 'string' ? value : JSON.stringify(value),
  ])
  return { method, query: Object.fromEntries(texts) }
}

/** Bytes of a form's part. */
function bytesField({ fields }: AdminRequest, name: string): Buffer {
  const value = fields[name]
  if (Buffer.isBuffer(value)) return value
  if (typeof value === 'string') return Buffer.from(value)
  throw new AppError('invalid_request', `The field ${name} is missing.`, { details: { field: name } })
}
