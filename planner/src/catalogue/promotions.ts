import { type Text, text } from '../text.ts'
import type { Confidence, SourceId } from './sources.ts'

/**
 * Offers for the first year. Never used in a verdict: the renewal costs five to eight times as much, and a design has
 * to be affordable in its second year. Shown as a footnote, always beside the renewal price.
 */
export type Promotion = {
  readonly vendor: 'tencent' | 'alibaba'
  readonly offer: Text
  readonly yuanPerYear: number
  readonly kind: 'first-purchase' | 'flash' | 'term-discount'
  readonly renewalYuanPerMonth: number
  readonly validUntil: string
  readonly source: SourceId
  readonly confidence: Confidence
}

export const PROMOTIONS: readonly Promotion[] = [
  {
    vendor: 'tencent',
    offer: text('2C4G 3 Mbps, new customers', '2 核 4 GB 3 Mbps，新用户'),
    yuanPerYear: 109,
    kind: 'first-purchase',
    renewalYuanPerMonth: 65,
    validUntil: '2026-12-30',
    source: 'community-prices',
    confidence: 'low',
  },
  {
    vendor: 'tencent',
    offer: text('2C2G 5 Mbps, three years prepaid', '2 核 2 GB 5 Mbps，预付三年'),
    yuanPerYear: 132,
    kind: 'first-purchase',
    renewalYuanPerMonth: 60,
    validUntil: '2026-12-30',
    source: 'community-prices',
    confidence: 'low',
  },
  {
    vendor: 'tencent',
    offer: text('2C2G razor for a year, 15 % term discount', '2 核 2 GB 锐驰型按年付，85 折'),
    yuanPerYear: 459,
    kind: 'term-discount',
    renewalYuanPerMonth: 45,
    validUntil: '',
    source: 'community-prices',
    confidence: 'medium',
  },
  {
    vendor: 'alibaba',
    offer: text('2C2G, new customers', '2 核 2 GB，新用户'),
    yuanPerYear: 68,
    kind: 'first-purchase',
    renewalYuanPerMonth: 45,
    validUntil: '',
    source: 'community-prices',
    confidence: 'medium',
  },
  {
    vendor: 'alibaba',
    offer: text('2C4G, new customers', '2 核 4 GB，新用户'),
    yuanPerYear: 199,
    kind: 'first-purchase',
    renewalYuanPerMonth: 65,
    validUntil: '',
    source: 'community-prices',
    confidence: 'low',
  },
]
