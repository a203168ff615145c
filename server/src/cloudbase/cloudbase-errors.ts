/** Our failures in CloudBase's words. Programs match on the codes and on parts of the texts, so both are its own. */
import type { ErrorCode } from '@sampan/protocol/errors'
import type { AppError } from '../errors.ts'

/**
 * What the server SDKs know (wx-server-sdk `TCB_ERR_CODE`); they turn each into an errCode, and anything else into
 * -501001.
 */
// biome-ignore format: a table keeps its columns
const SERVER_CODES: { readonly [code in ErrorCode]?: string } = {
  invalid_request:           'INVALID_PARAM',
  invalid_json:              'INVALID_PARAM',
  unsupported_media_type:    'INVALID_PARAM',
  body_too_large:            'INVALID_PARAM',
  method_not_allowed:        'INVALID_PARAM',
  idempotency_mismatch:      'INVALID_PARAM',
  rate_limited:              'EXCEED_REQUEST_LIMIT',
  overloaded:                'EXCEED_CONCURRENT_REQUEST_LIMIT',
  shutting_down:             'EXCEED_CONCURRENT_REQUEST_LIMIT',
  deadline_exceeded:         'SERVER_TIMEOUT',
  query_too_expensive:       'SERVER_TIMEOUT',
  signature_invalid:         'SIGN_PARAM_INVALID',
  forbidden:                 'INVALID_REQUEST_SOURCE',
  permission_denied:         'DATABASE_PERMISSION_DENIED',
  collection_not_found:      'DATABASE_COLLECTION_NOT_EXIST',
  collection_exists:         'DATABASE_COLLECTION_ALREADY_EXIST',
  document_not_found:        'DATABASE_REQUEST_FAILED',
  document_exists:           'DATABASE_REQUEST_FAILED',
  invalid_query:             'DATABASE_REQUEST_FAILED',
  invalid_update:            'DATABASE_REQUEST_FAILED',
  invalid_document:          'DATABASE_REQUEST_FAILED',
  transaction_conflict:      'DATABASE_TRANSACTION_CONFLICT',
  transaction_not_found:     'DATABASE_REQUEST_FAILED',
  file_not_found:            'STORAGE_FILE_NONEXIST',
  file_too_large:            'STORAGE_REQUEST_FAIL',
  file_exists:               'STORAGE_REQUEST_FAIL',
  file_type_refused:         'STORAGE_REQUEST_FAIL',
  file_forbidden:            'STORAGE_EXCEED_AUTHORITY',
  file_link_expired:         'STORAGE_SIGN_PARAM_INVALID',
  function_not_found:        'FUNCTION_NOT_FOUND',
  function_failed:           'FUNCTIONS_EXECUTE_FAIL',
  function_timed_out:        'FUNCTIONS_EXECUTE_FAIL',
  function_out_of_memory:    'FUNCTIONS_EXECUTE_FAIL',
  function_exited:           'FUNCTIONS_EXECUTE_FAIL',
  function_result_too_large: 'FUNCTIONS_EXECUTE_FAIL',
  function_not_installed:    'FUNCTIONS_EXECUTE_FAIL',
  function_recursion:        'FUNCTIONS_EXECUTE_FAIL',
}

export const serverCode = ({ code }: AppError): string => SERVER_CODES[code] ?? 'SYS_ERR'

/** The body of a failed answer; CloudBase sends it with HTTP 200. */
export const failedAnswer = (error: AppError, requestId: string) => ({
  code: serverCode(error),
  message: serverMessage(error),
  requestId,
})

/** The document engine words its failures as CloudBase does already; the others name our code. */
function serverMessage({ code, message }: AppError): string {
  switch (code) {
    case 'collection_not_found':
    case 'permission_denied':
      return message
    case 'collection_exists':
      return `[ResourceInUse] Table exist. ${message}`
    case 'document_exists':
      return `[FailedOperation.DuplicateWrite] E11000 duplicate key error: ${message}`
    case 'transaction_conflict':
      return `[ResourceUnavailable.TransactionBusy] Transaction is busy: ${message}`
    default:
      return `[${code}] ${message}`
  }
}
