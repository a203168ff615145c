/** Queries that took long: what they ran, how the database planned it, and the command that creates the index they lack. */
import type { Collection } from './collection.ts'
import type { Engine } from './documents-needs.ts'
import { proposeIndex } from './plan-query.ts'
import type { PreparedSelection, Selection } from './selection.ts'

/** Reports the query if it was slow; the plan is asked for afterwards, without making the caller wait. */
export function noteSlowQuery(engine: Engine, selection: Selection, prepared: PreparedSelection, durationMs: number) {
  if (durationMs < engine.settings.slowQueryMs) return
  void describe(engine, selection, prepared, durationMs).catch((error: unknown) => {
    engine.log.warn({ err: error }, 'a slow query could not be explained')
  })
}

async function describe(engine: Engine, selection: Selection, prepared: PreparedSelection, durationMs: number) {
  const query = {
    collection: selection.collection.name,
    sql: prepared.sql,
    durationMs: Math.round(durationMs),
    plan: await planLines(engine, prepared),
    proposedIndex: proposedCommand(selection, prepared),
  }
  engine.log.warn(query, 'a query was slow')
  engine.onSlowQuery?.(query)
}

/** The database's own words, one line per step. */
export async function planLines(
  engine: Engine,
  { sql, params }: Pick<PreparedSelection, 'sql' | 'params'>,
): Promise<string[]> {
  const { database } = engine
  const explain = database.dialect.name === 'sqlite' ? 'EXPLAIN QUERY PLAN' : 'EXPLAIN'
  const rows = await database.read(`${explain} ${sql}`, params, { cost: 'cheap' })
  return rows.map((row) => String(row['detail'] ?? row['QUERY PLAN'] ?? JSON.stringify(row)))
}

/** @returns undefined if an index serves already, or none would */
export function proposedCommand(
  selection: Pick<Selection, 'collection' | 'filter' | 'order'>,
  { plan }: Pick<PreparedSelection, 'plan'>,
) {
  if (plan?.servesOrder && plan.coversFilter) return undefined
  const fields = proposeIndex(selection.filter, selection.order)
  if (!fields || isThere(selection.collection, fields)) return undefined
  const quoted = JSON.stringify(fields).replaceAll("'", "'\\''")
  return `sampan index create ${selection.collection.name} '${quoted}'`
}

const isThere = ({ indexes }: Collection, fields: object) =>
  Object.keys(fields).join() === '_openid' ||
  indexes.some((index) => Object.keys(index.fields).join() === Object.keys(fields).join())
