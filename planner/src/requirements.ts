/** Reasons that no amount of speed removes. They are looked at before capacity. */
import type { Constraint } from './constraints.ts'
import { RESOURCE_NAMES } from './constraints.ts'
import { type Feature, featureOf } from './features.ts'
import type { PlanInput } from './plan-input.ts'
import type { Text } from './text.ts'

/** A requirement nothing on the box can meet at all counts as this many times over. */
const NOT_OFFERED = 10

/** The requirements this input makes that one light server cannot meet, in the order of the feature table. */
export function unmetRequirements(input: PlanInput): Constraint[] {
  const { zones, sites } = input.overrides
  const rows = input.features.flatMap((id) => {
    const { requirement, name } = featureOf(id)
    return requirement ? [toConstraint(requirement, name)] : []
  })
  if (zones !== undefined && zones > 1 && !input.features.includes('two-zones'))
    rows.push(fromFeature('two-zones', zones))
  if (sites !== undefined && sites > 5 && !input.features.includes('many-sites'))
    rows.push(fromFeature('many-sites', sites))
  return rows
}

function fromFeature(id: 'two-zones' | 'many-sites', demand: number): Constraint {
  const { requirement, name } = featureOf(id)
  if (!requirement) throw new Error(`the feature table says nothing about ${id}`)
  return toConstraint({ ...requirement, demand }, name)
}

function toConstraint(requirement: NonNullable<Feature['requirement']>, name: Text): Constraint {
  const { demand, limit, unit, reason } = requirement
  const utilisation = limit > 0 ? demand / limit : NOT_OFFERED
  return {
    resource: 'requirement',
    utilisation,
    limit,
    demand,
    unit,
    source: 'modelled',
    grows: false,
    name: { en: `${RESOURCE_NAMES.requirement.en}: ${name.en}`, zh: `${RESOURCE_NAMES.requirement.zh}：${name.zh}` },
    detail: reason,
  }
}
