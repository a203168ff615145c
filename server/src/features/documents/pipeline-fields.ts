/** Which fields the stages of an aggregation look at: the database then answers those alone. */
import type { Stage } from './decode-pipeline.ts'
import type { Json } from './document-request.ts'
import { isArray, isObject } from './document-values.ts'

/** After these nothing of the original document is left but what their expressions name. */
const RESHAPING = new Set([
  '$group',
  '$bucket',
  '$bucketAuto',
  '$sortByCount',
  '$count',
  '$replaceRoot',
  '$replaceWith',
])
/** These look at fields by name, and leave the rest of the document alone. */
const LOOKING = new Set(['$match', '$sort', '$unwind', '$skip', '$limit'])
/** With more fields the document as it is costs less. */
const FIELDS_LIMIT = 12

/** Names of top-level fields; undefined if the stages may need any. */
export function neededFields(stages: readonly Stage[]): string[] | undefined {
  const fields = new Set<string>()
  for (const { name, spec } of stages) {
    const found = name === '$match' || name === '$sort' ? namedFields(spec) : expressionFields(spec, name === '$unwind')
    if (!found) return undefined
    for (const field of found) fields.add(field)
    const isProjection = name === '$project' && includedFields(spec, fields)
    if (RESHAPING.has(name) || isProjection) return fields.size <= FIELDS_LIMIT ? [...fields] : undefined
    if (!LOOKING.has(name)) return undefined
  }
  return undefined
}

const topOf = (path: string) => path.split('.')[0] ?? path

/** A projection that lists what stays; adds the fields that stay as they are. */
function includedFields(spec: Json, fields: Set<string>): boolean {
  if (!isObject(spec)) return false
  const entries = Object.entries(spec).filter(([path]) => path !== '_id')
  if (entries.length === 0 || entries.some(([, value]) => value === 0 || value === false)) return false
  for (const [path, value] of entries) if (value === 1 || value === true || isObject(value)) fields.add(topOf(path))
  return true
}

/** Of a query or an order: the keys. Logical operators hold more of them. */
function namedFields(spec: Json): string[] | undefined {
  if (!isObject(spec)) return undefined
  const fields: string[] = []
  for (const [key, value] of Object.entries(spec)) {
    if (!key.startsWith('$')) fields.push(topOf(key))
    else if (key === '$expr') {
      const found = expressionFields(value, false)
      if (!found) return undefined
      fields.push(...found)
    } else if (key === '$jsonSchema') return undefined
    else if (isArray(value)) {
      for (const branch of value) {
        const found = namedFields(branch)
        if (!found) return undefined
        fields.push(...found)
      }
    }
  }
  return fields
}

/** Of an expression: every `$path`. A variable other than an operator's own may be the whole document. */
function expressionFields(value: Json, isUnwind: boolean): string[] | undefined {
  if (isUnwind) return isObject(value) && typeof value['path'] === 'string' ? [topOf(value['path'])] : undefined
  if (typeof value === 'string') {
    if (/^\$\$(ROOT|CURRENT)/.test(value)) return undefined
    return value.startsWith('$') && !value.startsWith('$$') ? [topOf(value.slice(1))] : []
  }
  const parts = isArray(value) ? value : isObject(value) ? Object.values(value) : []
  const fields: string[] = []
  for (const part of parts) {
    const found = expressionFields(part, false)
    if (!found) return undefined
    fields.push(...found)
  }
  return fields
}
