import type { REQUEST_ID_HEADER as ID, IDEMPOTENCY_HEADER as KEY } from '@sampan/protocol/sessions'

// The protocol's constants by their types: the compiler holds them equal, and nothing else is bundled for the phone.
export const IDEMPOTENCY_HEADER: typeof KEY = 'idempotency-key'
export const REQUEST_ID_HEADER: typeof ID = 'x-request-id'
export const JSON_TYPE = { 'content-type': 'application/json' } as const
