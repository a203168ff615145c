/**
 * A small `wx-server-sdk`, for functions whose config.json says `"sampan": { "lightSdk": true }`.
 *
 * It answers like the real one and asks the same /admin door, but knows its caller per asynchronous context instead of
 * per process, so one worker runs many calls at once; it keeps its connections open; and it loads none of the packages
 * that the real one brings along. Held to the same tests (test/cloudbase/wx-server-sdk.test.ts).
 */
const { createDatabase } = require('./light-database.cjs')
const { fail, sdkError } = require('./light-errors.cjs')
const { createOpenApi, createCloudPay } = require('./light-openapi.cjs')
const { ask, callVariables } = require('./light-request.cjs')
const { sql, together } = require('./light-sql.cjs')
const storage = require('./light-storage.cjs')

const ENV = Symbol.for('CURRENT_ENV')
let config

const needsInit =
  (api) =>
  (...parameters) => {
    if (!config)
      throw sdkError(
        -1,
        "Cloud API isn't enabled, please call init first\n请先调用 init 完成初始化后再调用其他云 API。",
      )
    return api(...parameters)
  }

/** WX_OPENID becomes OPENID; figures become numbers; what belongs to the server stays out. */
const getWXContext = () => {
  const variables = callVariables()
  const names = (variables.WX_CONTEXT_KEYS ?? '').split(',').filter((name) => name && name !== 'WX_API_TOKEN')
  const context = {}
  for (const name of names) {
    const value = variables[name]
    if (value !== undefined) context[name.replace(/^WX_/, '')] = /^-?\d+$/.test(value) ? Number(value) : value
  }
  if (names.length === 0) return context
  context.ENV = process.env.TCB_ENV
  if (variables.TCB_SOURCE) context.SOURCE = variables.TCB_SOURCE
  return context
}

const callFunction = async (options) => {
  const api = 'callFunction'
  if (typeof options?.name !== 'string') throw fail(api, new Error('parameter.name should be string'))
  try {
    const { data, requestId } = await ask(
      'functions.invokeFunction',
      { function_name: options.name, request_data: JSON.stringify(options.data ?? {}) },
      options.timeout,
    )
    return { result: JSON.parse(data.response_data), errMsg: `${api}:ok`, requestID: requestId }
  } catch (error) {
    throw fail(api, error)
  }
}

const getOpenData = async (options) => {
  const api = 'getOpenData'
  if (!Array.isArray(options?.list)) throw fail(api, new Error('list must be provided'))
  try {
    const { data } = await ask('wx.api', {
      apiName: 'getOpenData',
      requestData: JSON.stringify({ list: options.list }),
    })
    return { ...JSON.parse(data.responseData), errMsg: `${api}:ok`, errCode: 0 }
  } catch (error) {
    throw fail(api, error)
  }
}

const getVoIPSign = async ({ groupId, nonce, timestamp } = {}) => {
  const api = 'getVoIPSign'
  try {
    const requestData = JSON.stringify({ group_id: groupId, nonce, timestamp })
    const { data } = await ask('wx.api', { apiName: 'cloudbase.getVoIPSign', requestData })
    const { signature } = JSON.parse(data.responseData)
    return { signature, errMsg: `${api}:ok`, errCode: 0 }
  } catch (error) {
    throw fail(api, error)
  }
}

/** What only WeChat's own platform can do, or nobody was seen to use: say so instead of being undefined. */
const missing = (name) => async () => {
  throw fail(name, new Error(`${name} needs the full wx-server-sdk: take "lightSdk" out of config.json`))
}

/** Line by line into the call's own log, as the real logger does without a log service. */
const logger = () =>
  Object.fromEntries(['log', 'info', 'warn', 'error'].map((level) => [level, (value) => console[level](value)]))

const init = (options = {}) => {
  config ??= options
}

const api = {
  version: '4.0.2',
  DYNAMIC_CURRENT_ENV: ENV,
  init,
  updateConfig: (options = {}) => {
    config = options
  },
  database: needsInit((options = {}) => createDatabase({ ...config, ...options })),
  callFunction: needsInit(callFunction),
  uploadFile: needsInit(storage.uploadFile),
  downloadFile: needsInit(storage.downloadFile),
  getTempFileURL: needsInit(storage.getTempFileURL),
  deleteFile: needsInit(storage.deleteFile),
  getOpenData: needsInit(getOpenData),
  getVoIPSign: needsInit(getVoIPSign),
  getWXContext,
  sql: needsInit(sql),
  together: needsInit(together),
  logger,
  openapi: createOpenApi(needsInit),
  cloudPay: createCloudPay(needsInit),
}
for (const name of ['callOpenAPI', 'getCloudCallSign', 'registerService', 'signature']) api[name] = missing(name)
api.createNewInstance = (options) => {
  init(options)
  return api
}
/** `new cloud.Cloud({ resourceEnv })` reaches this one server, whatever it names. */
api.Cloud = function Cloud() {
  return { ...api, init: async () => init() }
}

module.exports = api
