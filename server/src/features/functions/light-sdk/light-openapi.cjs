/** `cloud.openapi.a.b(data)` and `cloud.cloudPay.x(data)`: any path is callable, names change their case on the way. */
const { fail, sdkError } = require('./light-errors.cjs')
const { ask } = require('./light-request.cjs')

const snake = (name) => name.replace(/[A-Z]/g, (letter, at) => (at ? '_' : '') + letter.toLowerCase())
const camel = (name) => name.replace(/_([a-z])/g, (_, letter) => letter.toUpperCase())
const same = (name) => name

const renamed = (value, rename) => {
  if (Array.isArray(value)) return value.map((item) => renamed(item, rename))
  if (value === null || typeof value !== 'object' || Buffer.isBuffer(value)) return value
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [rename(name), renamed(item, rename)]))
}

const isFile = (value) => Buffer.isBuffer(value?.value) && (value.contentType || value.content_type)

/** A proxy that collects the path of names until it is called. Called at once, it takes options: `openapi({ … }).a.b()`. */
const callablePath = (path, call, options = {}) =>
  new Proxy(() => {}, {
    get: (_, name) => callablePath([...path, name], call, options),
    apply: (_, __, [data]) => (path.length === 0 ? callablePath([], call, data) : call(path.join('.'), data, options)),
  })

const callOpenApi = async (name, data = {}, { convertCase = true } = {}) => {
  const [outward, inward] = convertCase ? [snake, camel] : [same, same]
  const api = `openapi.${name}`
  try {
    const [fileKey] = Object.keys(data).filter((key) => isFile(data[key]))
    const { [fileKey]: file, ...parameters } = data
    const media = file && {
      key: outward(fileKey),
      contentType: String(file.contentType ?? file.content_type),
      fileName: file.fileName ?? '',
      base64: file.value.toString('base64'),
    }
    const requestData = JSON.stringify(renamed(parameters, outward))
    const answer = await ask('wx.api', { apiName: name, requestData, media })
    const { errcode, errmsg, ...result } = JSON.parse(answer.data.responseData)
    if (errcode) throw sdkError(errcode, `${api}:fail ${errmsg}`)
    if (answer.data.isFile) result.buffer = Buffer.from(result.buffer, 'base64')
    return { ...renamed(result, inward), errMsg: `${api}:ok`, errCode: 0 }
  } catch (error) {
    throw fail(api, error)
  }
}

const callPay = async (name, data = {}) => {
  const api = `cloudPay.${name}`
  try {
    const answer = await ask('wx.wxPayApi', { apiName: name, requestData: JSON.stringify(renamed(data, snake)) })
    return { ...renamed(answer, camel), errCode: 0, errMsg: `${api}:ok` }
  } catch (error) {
    throw fail(api, error)
  }
}

module.exports = {
  createOpenApi: (guard) => callablePath([], guard(callOpenApi)),
  createCloudPay: (guard) => callablePath([], guard(callPay)),
}
