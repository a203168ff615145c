/** Which sources stand behind an answer. */
import type { MeasuredCapacity } from './capacity-reference.ts'
import { SERVICES } from './catalogue/services.ts'
import { SOURCES, type Source, type SourceId } from './catalogue/sources.ts'
import type { LightDesign } from './designs.ts'
import type { PlanInput } from './plan-input.ts'

export function sourcesOf(
  input: PlanInput,
  about: LightDesign,
  capacity: MeasuredCapacity | undefined,
): ({ id: SourceId } & Source)[] {
  const ids = new Set<SourceId>()
  if (about.bundle.row) ids.add(about.bundle.row.source)
  if (about.bundle.mbpsKind === 'peak') ids.add('tencent-lighthouse-razor')
  if (about.bundle.trafficGB !== null) ids.add(SERVICES.trafficOverQuotaMainland.source)
  if (about.images === 'cdn') ids.add(SERVICES.cdnTraffic.source)
  if (input.type) {
    ids.add('type-defaults')
    ids.add('questmobile-2024')
  }
  ids.add('wechat-visit-trend')
  ids.add(capacity ? 'this-box' : 'reference-measurement')
  ids.add('queueing')
  return [...ids].map((id) => ({
    id,
    ...SOURCES[id],
    ...(id === 'this-box' && capacity ? { asOf: capacity.asOf } : {}),
  }))
}
