/**
 * Fields that clients never see: not in answers, and not by asking (a filter or an order on a hidden field answers one
 * bit of it each time). They are part of the collection's rules; owner's code is not under them.
 */
import { AppError } from '../../errors.ts'
import { type Identity, isUnderRules } from '../sessions/identity.ts'
import type { Collection } from './collection.ts'
import type { Filter } from './document-filter.ts'
import { looksAnywhere, pathsOf } from './document-filter.ts'
import type { DocumentText } from './document-request.ts'
import { decodeProjection, type Projection, projectDocument } from './project-document.ts'

export const protectedFieldsOf = ({ rules }: Collection): readonly string[] =>
  typeof rules === 'string' ? [] : (rules.protectedFields ?? [])

/** @throws {AppError} `permission_denied` if one of the paths is a protected field, inside one, or around one */
export function refuseProtectedPaths(collection: Collection, identity: Identity, paths: readonly string[]) {
  if (!isUnderRules(identity)) return
  const hidden = protectedFieldsOf(collection)
  const named = paths.find((path) => hidden.some((field) => overlaps(path, field)))
  if (named === undefined) return
  throw new AppError('permission_denied', `${named} of ${collection.name} is a protected field.`)
}

/** A path may lead through arrays by number or position: those say nothing about the field. */
function overlaps(path: string, field: string): boolean {
  const plain = path
    .split('.')
    .filter((part, index) => index === 0 || !/^(\d+|\$(\[\])?)$/.test(part))
    .join('.')
  return plain === field || plain.startsWith(`${field}.`) || field.startsWith(`${plain}.`)
}

export function refuseProtectedFilter(collection: Collection, identity: Identity, filter: Filter) {
  if (!isUnderRules(identity) || protectedFieldsOf(collection).length === 0) return
  if (looksAnywhere(filter))
    throw new AppError(
      'permission_denied',
      `$expr and $jsonSchema may not be used: ${collection.name} has protected fields.`,
    )
  refuseProtectedPaths(collection, identity, pathsOf(filter))
}

/** The documents as this caller may see them. */
export function withoutProtected(
  collection: Collection,
  identity: Identity,
  texts: readonly DocumentText[],
): DocumentText[] {
  const projection = isUnderRules(identity) ? hiding(protectedFieldsOf(collection)) : undefined
  return projection ? texts.map((text) => JSON.stringify(projectDocument(JSON.parse(text), projection))) : [...texts]
}

const hiding = (fields: readonly string[]): Projection | undefined =>
  fields.length ? decodeProjection(Object.fromEntries(fields.map((field) => [field, 0]))) : undefined
