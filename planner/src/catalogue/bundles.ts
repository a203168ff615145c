import type { Confidence, SourceId } from './sources.ts'

/** One light-server bundle as sold. List price, paid monthly; promotions are another table. */
export type CatalogueBundle = {
  readonly id: string
  readonly vendor: 'tencent' | 'alibaba' | 'huawei'
  readonly family: 'starter' | 'razor' | 'general' | 'enterprise' | 'storage' | 'cloudbase' | 'swas' | 'flexus'
  readonly region: 'mainland' | 'hongkong' | 'tokyo' | 'singapore' | 'overseas'
  readonly cores: number
  readonly memoryGB: number
  readonly diskGB: number | 'unknown'
  readonly mbps: number | 'unknown'
  /** `fixed`: the line is shaped and reached. `peak`: a ceiling shared with neighbours, nothing is promised. */
  readonly mbpsKind: 'fixed' | 'peak'
  readonly trafficGB: number | 'unlimited' | 'unknown'
  readonly priceYuanPerMonth: number
  readonly asOf: string
  readonly source: SourceId
  readonly confidence: Confidence
  /** A row kept for comparison that the vendor no longer sells under this price or name. */
  readonly isSuperseded?: true
  /** Fields the source does not state and we filled in. */
  readonly assumed?: readonly ('mbps' | 'trafficGB' | 'diskGB')[]
}

type Row = [
  id: string,
  cores: number,
  memoryGB: number,
  diskGB: number | 'unknown',
  mbps: number | 'unknown',
  trafficGB: number | 'unlimited' | 'unknown',
  priceYuanPerMonth: number,
  asOf: string,
  source: SourceId,
  confidence: Confidence,
  extra?: Pick<CatalogueBundle, 'isSuperseded' | 'assumed'>,
]

const rows = (
  shared: Pick<CatalogueBundle, 'vendor' | 'family' | 'region' | 'mbpsKind'>,
  list: readonly Row[],
): CatalogueBundle[] =>
  list.map(([id, cores, memoryGB, diskGB, mbps, trafficGB, priceYuanPerMonth, asOf, source, confidence, extra]) => ({
    id,
    ...shared,
    cores,
    memoryGB,
    diskGB,
    mbps,
    trafficGB,
    priceYuanPerMonth,
    asOf,
    source,
    confidence,
    ...extra,
  }))

const TENCENT = { vendor: 'tencent', region: 'mainland' } as const
const OLD = { isSuperseded: true } as const

// Columns: id, cores, memory GB, disk GB, Mbps, traffic GB a month, ¥ a month, as of, source, confidence
// biome-ignore format: a table keeps its columns
export const BUNDLES: readonly CatalogueBundle[] = [
  ...rows({ ...TENCENT, family: 'starter', mbpsKind: 'fixed' }, [
    ['tencent-starter-2c2g-2m',    2,  2,  40,   2,  100,   35, '2026-06-15', 'tencent-lighthouse-prices', 'high'],
    ['tencent-starter-2c2g-4m',    2,  2,  50,   4,  300,   48, '2026-06-15', 'tencent-lighthouse-prices', 'high'],
    ['tencent-starter-2c4g',       2,  4,  60, 'unknown', 'unknown', 65, '2026-10', 'community-prices', 'medium'],
  ]),
  ...rows({ ...TENCENT, family: 'razor', mbpsKind: 'peak' }, [
    ['tencent-razor-2c1g',         2,  1,  40, 200, 'unlimited',  40, '2026-09', 'community-prices', 'medium'],
    ['tencent-razor-2c2g',         2,  2,  40, 200, 'unlimited',  45, '2026-09', 'community-prices', 'high'],
    ['tencent-razor-2c2g-50',      2,  2,  50, 200, 'unlimited',  50, '2026-08', 'community-prices', 'high'],
    ['tencent-razor-2c4g',         2,  4,  50, 200, 'unlimited',  65, '2026-10', 'community-prices', 'high'],
  ]),
  ...rows({ ...TENCENT, family: 'general', mbpsKind: 'fixed' }, [
    ['tencent-general-2c2g-4m',    2,  2,  40,   4,  300,   50, '2023', 'tencent-docs-archive', 'low', OLD],
    ['tencent-general-2c2g-5m',    2,  2,  50,   5,  500,   60, '2023', 'tencent-docs-archive', 'low', OLD],
    ['tencent-general-2c4g-6m',    2,  4,  50,   6,  800,   85, '2026', 'tencent-docs-archive', 'medium'],
    ['tencent-general-2c4g-6m-60', 2,  4,  60,   6, 1000,  100, '2023', 'tencent-docs-archive', 'low', OLD],
    ['tencent-general-2c8g-7m',    2,  8,  70,   7, 1100,  130, '2023', 'tencent-docs-archive', 'low', OLD],
    ['tencent-general-2c8g-8m',    2,  8,  80,   8, 1200,  150, '2023', 'tencent-docs-archive', 'low', OLD],
    ['tencent-general-4c8g-10m',   4,  8, 120,  10, 1500,  210, '2026', 'community-prices', 'medium', { assumed: ['mbps'] }],
    ['tencent-general-4c16g-12m',  4, 16, 180,  12, 2000,  305, '2026', 'community-prices', 'medium', { assumed: ['mbps'] }],
    ['tencent-general-8c16g-18m',  8, 16, 270,  18, 3500,  500, '2026-08-27', 'community-prices', 'high'],
  ]),
  ...rows({ ...TENCENT, family: 'enterprise', mbpsKind: 'fixed' }, [
    ['tencent-enterprise-8c32g',   8, 32, 200,  16, 4000,  700, '2023', 'tencent-docs-archive', 'low', OLD],
    ['tencent-enterprise-16c32g', 16, 32, 250,  20, 5000, 1050, '2023', 'tencent-docs-archive', 'low', OLD],
  ]),
  ...rows({ ...TENCENT, family: 'storage', mbpsKind: 'fixed' }, [
    ['tencent-storage-2c4g',       2,  4, 350,   4,  300,  105, '2023', 'tencent-docs-archive', 'low', OLD],
    ['tencent-storage-4c8g',       4,  8, 1000,  8, 1000,  300, '2023', 'tencent-docs-archive', 'low', OLD],
  ]),
  ...rows({ ...TENCENT, family: 'cloudbase', mbpsKind: 'fixed' }, [
    ['tencent-cloudbase-2c2g-3m',  2,  2,  40,   3,  200,   40, '2026', 'tencent-cloudbase-vm', 'medium'],
  ]),
  ...rows({ vendor: 'tencent', region: 'hongkong', family: 'razor', mbpsKind: 'peak' }, [
    ['tencent-hk-razor-2c1g',      2,  1,  40, 200, 'unlimited',  40, '2026-06-15', 'tencent-lighthouse-razor', 'high'],
    ['tencent-hk-razor-2c2g',      2,  2,  40, 200, 'unlimited',  55, '2026-06-15', 'tencent-lighthouse-razor', 'high'],
    ['tencent-hk-razor-2c4g',      2,  4,  60, 200, 'unlimited',  95, '2026-06-15', 'tencent-lighthouse-razor', 'high'],
    ['tencent-hk-razor-2c8g',      2,  8, 'unknown', 200, 'unlimited', 120, '2026-06-15', 'tencent-lighthouse-razor', 'high'],
  ]),
  ...rows({ vendor: 'tencent', region: 'hongkong', family: 'starter', mbpsKind: 'peak' }, [
    ['tencent-hk-starter-2c4g',    2,  4,  70,  30, 2048,   90, '2026-06-15', 'community-prices', 'high'],
  ]),
  ...rows({ vendor: 'tencent', region: 'hongkong', family: 'general', mbpsKind: 'fixed' }, [
    ['tencent-hk-general-8c16g',   8, 16, 300,  40, 7168,  650, '2026-08', 'community-prices', 'high'],
  ]),
  ...rows({ vendor: 'tencent', region: 'tokyo', family: 'starter', mbpsKind: 'peak' }, [
    ['tencent-tokyo-starter-2c4g', 2,  4,  70,  30, 'unknown', 54, '2026', 'community-prices', 'medium'],
    ['tencent-tokyo-starter-2c8g', 2,  8,  80,  30, 2560,   72, '2026', 'community-prices', 'high'],
  ]),
  ...rows({ vendor: 'tencent', region: 'overseas', family: 'general', mbpsKind: 'fixed' }, [
    ['tencent-overseas-8c16g',     8, 16, 300,  45, 7168,  530, '2026-08', 'community-prices', 'high'],
  ]),
  ...rows({ vendor: 'tencent', region: 'singapore', family: 'razor', mbpsKind: 'peak' }, [
    ['tencent-sg-razor-2c4g',      2,  4,  60, 200, 'unlimited', 60, '2026', 'community-prices', 'medium'],
  ]),
  ...rows({ vendor: 'tencent', region: 'singapore', family: 'starter', mbpsKind: 'peak' }, [
    ['tencent-sg-starter-2c4g',    2,  4, 'unknown', 30, 'unknown', 42, '2026', 'community-prices', 'medium'],
  ]),
  ...rows({ vendor: 'alibaba', region: 'mainland', family: 'swas', mbpsKind: 'peak' }, [
    ['alibaba-swas-2c2g',          2,  2,  40, 200, 'unlimited', 45, '2026-05-22', 'community-prices', 'medium'],
    ['alibaba-swas-2c4g',          2,  4,  50, 200, 'unlimited', 65, '2026-05', 'community-prices', 'low'],
    ['alibaba-swas-2c1g',          2,  1,  40, 200,  400,   60, '2026-07-09', 'alibaba-swas-plans', 'low'],
  ]),
  ...rows({ vendor: 'huawei', region: 'mainland', family: 'flexus', mbpsKind: 'fixed' }, [
    ['huawei-flexus-2c2g',         2,  2,  40, 'unknown', 'unknown', 50, '2026', 'community-prices', 'low'],
  ]),
]
