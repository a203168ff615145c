/** Whole documents at the entrance, and the check that a changed document may still be stored. */
import { LIMITS } from '@sampan/protocol/limits'
import { AppError } from '../../errors.ts'
import { decodeFields, refuse, startDecoding } from './decode-value.ts'
import type { Json, JsonObject } from './document-request.ts'
import { isArray, isObject } from './document-values.ts'

/** @throws {AppError} `invalid_document` */
export function decodeDocument(document: unknown, nowMs: number): JsonObject {
  const decoding = startDecoding('invalid_document', nowMs)
  if (!isObject(document)) refuse(decoding, '', 'is not an object')
  return decodeFields(document, Object.keys(document), decoding, '', 1)
}

/** The text to store. @throws {AppError} `invalid_document` if it is larger than a document may be */
export function documentText(document: JsonObject): string {
  const text = JSON.stringify(document)
  // A UTF-16 unit is at most three bytes: most documents need no second look.
  if (text.length * 3 > LIMITS.documentBytes && Buffer.byteLength(text) > LIMITS.documentBytes) {
    const reason = `is larger than ${LIMITS.documentBytes} bytes`
    throw new AppError('invalid_document', `The document ${reason}.`, { details: { path: '', reason } })
  }
  return text
}

/** An update can nest and grow what was within the limits before. @throws {AppError} `invalid_document` */
export function checkShape(document: JsonObject) {
  let keys = 0
  const visit = (value: Json, path: string, depth: number) => {
    if (typeof value !== 'object' || value === null) return
    const decoding = { error: 'invalid_document' } as const
    if (depth > LIMITS.documentDepth) refuse(decoding, path, `is nested deeper than ${LIMITS.documentDepth} levels`)
    if (isArray(value)) {
      if (value.length > LIMITS.arrayElements) refuse(decoding, path, `has more than ${LIMITS.arrayElements} elements`)
      for (const [index, element] of value.entries()) visit(element, `${path}.${index}`, depth + 1)
      return
    }
    for (const [key, field] of Object.entries(value as JsonObject)) {
      // safe: neither null nor array
      keys++
      if (keys > LIMITS.documentKeys) refuse(decoding, path, `has more than ${LIMITS.documentKeys} keys in all`)
      visit(field, path ? `${path}.${key}` : key, depth + 1)
    }
  }
  visit(document, '', 1)
}
