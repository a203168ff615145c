/** A collection's rules at the entrance: known modes, known actions, expressions that can be read. */
import { AppError } from '../../errors.ts'
import { checkPath } from './decode-filter.ts'
import { startDecoding } from './decode-value.ts'
import type { CollectionRules } from './document-request.ts'
import { isArray, isObject } from './document-values.ts'
import { parseRule } from './parse-rule.ts'
import { isSimpleMode } from './simple-modes.ts'

const ACTIONS = new Set(['read', 'write', 'create', 'update', 'delete'])
const PROTECTED_FIELDS_LIMIT = 50

/** @throws {AppError} `invalid_request` naming the rule and the place in it */
export function checkRules(rules: unknown): CollectionRules {
  if (typeof rules === 'string') {
    if (!isSimpleMode(rules))
      refuse('rules', `"${rules.slice(0, 40)}" is not READONLY, PRIVATE, ADMINWRITE or ADMINONLY`)
    return rules
  }
  if (!isObject(rules)) refuse('rules', 'must be a mode or an object')
  for (const [name, rule] of Object.entries(rules)) {
    if (name === 'mode') checkRules(rule)
    else if (name === 'protectedFields') checkProtectedFields(rule)
    else if (!ACTIONS.has(name)) refuse(name.slice(0, 40), 'is not read, write, create, update or delete')
    else if (typeof rule !== 'boolean') checkExpression(name, rule)
  }
  const actions = Object.keys(rules).filter((name) => ACTIONS.has(name))
  if ('mode' in rules && actions.length) refuse('mode', 'cannot stand beside rules of its own')
  return rules as CollectionRules // safe: every key was checked
}

function refuse(path: string, reason: string): never {
  throw new AppError('invalid_request', `${path}: ${reason}.`, { details: { path, reason } })
}

function checkExpression(name: string, rule: unknown) {
  if (typeof rule !== 'string') refuse(name, 'must be true, false or an expression')
  try {
    parseRule(rule)
  } catch (error) {
    refuse(name, error instanceof Error ? error.message : 'cannot be read')
  }
}

function checkProtectedFields(fields: unknown) {
  if (!isArray(fields) || fields.length > PROTECTED_FIELDS_LIMIT) {
    refuse('protectedFields', `must list at most ${PROTECTED_FIELDS_LIMIT} fields`)
  }
  for (const field of fields) {
    if (typeof field !== 'string' || field === '_id') refuse('protectedFields', 'must be field names other than _id')
    checkPath(field, startDecoding('invalid_query', 0))
  }
}
