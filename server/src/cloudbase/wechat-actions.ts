/** `cloud.openapi.*`, `cloud.getOpenData` and `cloud.cloudPay.*`: WeChat's APIs by CloudBase's names. */
import { AppError, asAppError } from '../errors.ts'
import type { Json, JsonObject } from '../features/documents/document-request.ts'
import { detectContentType } from '../features/files/content-type.ts'
import { apiShortName, findOpenApi, type OpenApi } from '../wechat/open-api.ts'
import type { ApiAnswer, ApiRequest } from '../wechat/wechat.ts'
import {
  type AdminAction,
  type AdminRequest,
  type AdminServices,
  asObject,
  objectField,
  parseJson,
  textField,
} from './admin-request.ts'
import {
  type ApiCall,
  decodeApiCall,
  decodeCloudIds,
  decodeVoiceRoom,
  encodeApiReply,
  encodeOpenData,
  encodeVoiceSignature,
  type Pair,
} from './open-api-messages.ts'

// biome-ignore format: a table keeps its columns
export const WECHAT_ACTIONS: Readonly<Record<string, AdminAction>> = {
  'wx.openApi':  openApi,
  'wx.api':      plainApi,
  'wx.wxPayApi': payApi,
}

type OwnApi = (parameters: JsonObject, request: AdminRequest, services: AdminServices) => Promise<JsonObject>

/** APIs that act for the user who calls: WeChat knows them from CloudBase; we answer with what we know of the user. */
const OWN_APIS: ReadonlyMap<string, OwnApi> = new Map([['cloudbase.getVoIPSign', signVoiceRoom]])

async function signVoiceRoom(...[parameters, { call }, { voiceRooms }]: Parameters<OwnApi>): ReturnType<OwnApi> {
  const { group_id, nonce, timestamp } = parameters
  const room = { groupId: String(group_id), nonce: String(nonce), timestampSeconds: Number(timestamp) }
  return { errcode: 0, signature: await voiceRooms.sign(room, call?.user) }
}

/** Parameters and answer as protobuf. */
async function openApi(request: AdminRequest, services: AdminServices): ReturnType<AdminAction> {
  const call = decodeApiCall(bytesField(request, 'requestData'))
  if (call.kind === 'internal') {
    const data = await internalApi(call, request, services)
    return encodeApiReply({ data, contentType: 'application/octet-stream', httpCode: 200 })
  }
  const name = textField(request, 'apiName')
  const own = OWN_APIS.get(apiShortName(name))
  if (own) return jsonReply(await own(parametersOf(call.pairs), request, services))
  const api = findOpenApiOrThrow(name)
  const { contentType, json, bytes } = await answerOf(services, api, formRequest(api, call.pairs))
  return encodeApiReply({ data: bytes ?? Buffer.from(JSON.stringify(json ?? {})), contentType, httpCode: 200 })
}

/** What is no API of WeChat's for everybody, but a service of CloudBase's own. */
async function internalApi(
  { name, data }: Extract<ApiCall, { kind: 'internal' }>,
  request: AdminRequest,
  services: AdminServices,
): Promise<Buffer> {
  switch (name) {
    case 'ApiGetOpenDataByCloudId':
      return encodeOpenData(await readOpenData(decodeCloudIds(data), request, services))
    case 'ApiVoipSign':
      return encodeVoiceSignature(await services.voiceRooms.sign(decodeVoiceRoom(data), request.call?.user))
    default:
      throw new AppError('not_supported', `${name} is not supported.`, { details: { api: name } })
  }
}

/** The same with parameters and answer as JSON (`callWxOpenApi` of @cloudbase/node-sdk, and Sampan's light SDK). */
async function plainApi(request: AdminRequest, services: AdminServices): ReturnType<AdminAction> {
  const name = textField(request, 'apiName')
  const parameters = objectField(request, 'requestData') ?? {}
  if (name === 'getOpenData') {
    const list = await readOpenData(asTexts(parameters['list']), request, services)
    return { data: { responseData: `{"list":[${list.map(({ json }) => json).join(',')}]}` } }
  }
  const own = OWN_APIS.get(apiShortName(name))
  if (own) return { data: { responseData: JSON.stringify(await own(parameters, request, services)) } }
  const api = findOpenApiOrThrow(name)
  const media = mediaOf(objectField(request, 'media'))
  const apiRequest = media ? { method: 'POST' as const, body: parameters, media } : jsonRequest(api, parameters)
  const answer = await answerOf(services, api, apiRequest)
  if (answer.json) return { data: { responseData: JSON.stringify(answer.json) } }
  const { contentType, bytes } = answer
  const file = { contentType, buffer: bytes?.toString('base64') ?? '' }
  return { data: { responseData: JSON.stringify(file), isFile: true } }
}

const jsonReply = (json: JsonObject) =>
  encodeApiReply({ data: Buffer.from(JSON.stringify(json)), contentType: 'application/json', httpCode: 200 })

/** What WeChat itself refuses is an answer, too: the SDK throws its errcode. */
async function answerOf({ wechat }: AdminServices, { path }: OpenApi, request: ApiRequest): Promise<ApiAnswer> {
  try {
    return await wechat.callApi(path, request)
  } catch (thrown) {
    const { details, message } = asAppError(thrown)
    const errcode = details?.['errcode']
    if (typeof errcode !== 'number') throw thrown
    return { contentType: 'application/json', json: { errcode, errmsg: details?.['errmsg'] ?? message } }
  }
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

/** Each parameter's value is JSON, except a file, which has a name. (The SDK means to send its type, too, but does not.) */
function formRequest(api: OpenApi, pairs: readonly Pair[]): ApiRequest {
  const file = pairs.find(({ fileName, contentType }) => fileName !== '' || contentType !== '')
  const others = pairs.filter((pair) => pair !== file)
  const parameters = parametersOf(others)
  if (!file) return jsonRequest(api, parameters)
  const contentType = file.contentType || detectContentType(file.fileName, file.value)
  const fileName = file.fileName || defaultFileName(contentType)
  return { method: 'POST', body: parameters, media: { field: file.key, fileName, contentType, bytes: file.value } }
}

/** A file of the light SDK. */
function mediaOf(media: JsonObject | undefined): ApiRequest['media'] {
  if (!media) return undefined
  const contentType = String(media['contentType'])
  return {
    field: String(media['key']),
    fileName: String(media['fileName'] || defaultFileName(contentType)),
    contentType,
    bytes: Buffer.from(String(media['base64']), 'base64'),
  }
}

const parametersOf = (pairs: readonly Pair[]): JsonObject =>
  Object.fromEntries(pairs.map(({ key, value }) => [key, parseJson(value.toString('utf8'), key)]))
const defaultFileName = (contentType: string) => `media.${contentType.split('/')[1] ?? 'bin'}`
const asTexts = (list: Json | undefined) => (Array.isArray(list) ? list.map(String) : [])

function jsonRequest({ method, renamed = {} }: OpenApi, parameters: JsonObject): ApiRequest {
  if (method === 'POST') {
    const entries = Object.entries(parameters).map(([name, value]) => [renamed[name] ?? name, value])
    return { method, body: Object.fromEntries(entries) }
  }
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
