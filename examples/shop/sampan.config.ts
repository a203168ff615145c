/** One flash sale: two goods, one of them for each person, ten minutes to pay. */
export default {
  collections: [{ name: 'deliveries', rules: 'PRIVATE', indexes: [] }],
  sales: [
    {
      id: 'spring',
      title: '明前春茶',
      items: [
        { id: 'tea', title: '龙井 50 克', total: 100 },
        { id: 'cup', title: '手作茶杯', total: 20 },
      ],
      start: '2026-01-01T20:00:00+08:00',
      end: '2036-01-01T00:00:00+08:00',
      limitPerUser: 1,
      holdSeconds: 600,
    },
  ],
}
