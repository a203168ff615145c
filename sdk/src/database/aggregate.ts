import type { Ejson, EjsonObject } from '@sampan/protocol/documents'
import { isPlainObject } from '../plain-object.ts'
import { encodeQuery, encodeValue } from './encode.ts'

const PLAIN_STAGES =
  'addFields bucket bucketAuto count group limit lookup project replaceRoot sample skip sort sortByCount unwind'

type PlainStage =
  | 'addFields'
  | 'bucket'
  | 'bucketAuto'
  | 'count'
  | 'group'
  | 'limit'
  | 'lookup'
  | 'project'
  | 'replaceRoot'
  | 'sample'
  | 'skip'
  | 'sort'
  | 'sortByCount'
  | 'unwind'

// biome-ignore lint/suspicious/noExplicitAny: what an aggregation answers follows from its stages
type Listed = { list: any[]; errMsg: string }
type GeoNear = { near?: { longitude: number; latitude: number }; query?: object; [option: string]: unknown }

/** A pipeline, stage by stage. */
export type Aggregate = { [stage in PlainStage]: (param: unknown) => Aggregate } & {
  match(condition: unknown): Aggregate
  geoNear(options: GeoNear): Aggregate
  /** The stages as wire values, for `lookup({ pipeline })`. */
  done(): EjsonObject[]
  /** Sends the pipeline. */
  end(): Promise<Listed>
}

/** `collection.aggregate()`; without `send` a pipeline inside another, as `$.pipeline()` makes it. */
export function createAggregate(send?: (stages: EjsonObject[]) => Promise<Listed>): Aggregate {
  const stages: EjsonObject[] = []
  const add = (name: string, value: Ejson) => {
    stages.push({ [`$${name}`]: value })
    return pipeline
  }
  const pipeline = {
    match: (condition: unknown) => add('match', encodeQuery(condition)),
    geoNear: (options: GeoNear) => {
      const { near, query } = options
      const point = near && { type: 'Point', coordinates: [near.longitude, near.latitude] }
      // First all, to keep the order of the keys.
      return add(
        'geoNear',
        encodeValue({ ...options, ...(near && { near: point }), ...(query && { query: encodeQuery(query) }) }),
      )
    },
    done: () => stages.slice(),
    async end() {
      if (!send) throw new Error('this pipeline cannot be sent')
      return send(stages)
    },
  } as Aggregate // the other stages follow
  for (const name of PLAIN_STAGES.split(' '))
    pipeline[name as PlainStage] = (param) => add(name, isPlainObject(param) ? encodeValue(param) : plainJson(param))
  return pipeline
}

// Only objects are typed on the wire; `limit(5)` and `count('n')` stay plain, as CloudBase's own client sends them.
const plainJson = (param: unknown): Ejson => JSON.parse(JSON.stringify(param ?? null))
