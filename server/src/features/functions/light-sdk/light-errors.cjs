/** Errors as wx-server-sdk throws them: `<api>:fail <code> <text>. <what the server said>`. */

/** Server codes → errCode, as in wx-server-sdk's own table. */
const CODES = {
  SYS_ERR: -501001,
  SERVER_TIMEOUT: -501002,
  EXCEED_REQUEST_LIMIT: -501003,
  EXCEED_CONCURRENT_REQUEST_LIMIT: -501004,
  INVALID_PARAM: -501007,
  INVALID_REQUEST_SOURCE: -501008,
  DATABASE_REQUEST_FAILED: -502001,
  DATABASE_PERMISSION_DENIED: -502003,
  DATABASE_COLLECTION_NOT_EXIST: -502005,
  STORAGE_REQUEST_FAIL: -503001,
  STORAGE_EXCEED_AUTHORITY: -503002,
  STORAGE_FILE_NONEXIST: -503003,
  STORAGE_SIGN_PARAM_INVALID: -503004,
  FUNCTIONS_EXECUTE_FAIL: -504002,
}

const TEXTS = {
  [-501001]: 'resource system error',
  [-501002]: 'resource server timeout',
  [-501003]: 'exceed request limit',
  [-501004]: 'exceed concurrent request limit',
  [-501007]: 'invalid parameters',
  [-501008]: 'invalid request source',
  [-502001]: 'database request fail',
  [-502003]: 'database permission denied',
  [-502005]: 'database collection not exists',
  [-503001]: 'storage request fail',
  [-503002]: 'storage permission denied',
  [-503003]: 'storage file not exists',
  [-503004]: 'storage invalid sign parameter',
  [-504002]: 'functions execute fail',
}

const errCodeOf = (code) => CODES[code] ?? -501001
const textOf = (errCode) => TEXTS[errCode] ?? ''

const sdkError = (errCode, errMsg) => Object.assign(new Error(errMsg), { errCode, errMsg })

/** Whatever went wrong in `api`, as its caller expects it. */
const fail = (api, thrown) => {
  if (thrown instanceof Error && typeof thrown.errMsg === 'string') return thrown
  if (thrown?.code && thrown.message && thrown.isServerAnswer) {
    const errCode = errCodeOf(thrown.code)
    return sdkError(errCode, `${api}:fail ${errCode} ${textOf(errCode)}. ${thrown.message}`)
  }
  return sdkError(-1, `${api}:fail ${thrown instanceof Error ? thrown.message : String(thrown)}`)
}

module.exports = { errCodeOf, fail, sdkError, textOf }
