/** What the console of CloudBase would hold: collections with their rules and indexes, and first records to look at. */

const ZONES = ['靠窗', '安静', '讨论']
const SEATS = 36

export default {
  collections: [
    { name: 'seats', rules: 'ADMINWRITE', indexes: [{ fields: { zone: 1, number: 1 } }] },
    {
      name: 'bookings',
      rules: 'PRIVATE',
      indexes: [
        // One seat per person and period; one person per seat and period follows from the _id (see cloudfunctions/book).
        { name: 'one-seat-per-person', fields: { personSlot: 1 }, unique: true },
        { fields: { seatId: 1, date: 1 } },
      ],
    },
    { name: 'photos', rules: 'READONLY', indexes: [{ fields: { seatId: 1, createdAt: -1 } }] },
    { name: 'users', rules: 'PRIVATE', indexes: [] },
  ],
  seed: {
    seats: Array.from({ length: SEATS }, (_, index) => ({
      _id: `seat-${String(index + 1).padStart(2, '0')}`,
      number: index + 1,
      zone: ZONES[Math.floor((index * ZONES.length) / SEATS)],
      hasSocket: index % 2 === 0,
      hasLamp: index % 3 === 0,
      priceFen: index < SEATS / 3 ? 1500 : 1200,
    })),
  },
}
