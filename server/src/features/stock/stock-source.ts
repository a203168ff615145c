/** What stock tells about itself, in the monitor's words. */
import type { Stock } from './stock.ts'

export function stockSource(stock: Pick<Stock, 'stats'>) {
  return () => {
    const { reserved, refused, expired, waiting } = stock.stats()
    return {
      gauges: { 'stock.waiting': waiting },
      counters: { 'stock.reserved': reserved, 'stock.refused': refused, 'stock.expired': expired },
    }
  }
}
