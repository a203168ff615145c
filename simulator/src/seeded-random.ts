/** Randomness that a test can repeat: the same seed gives the same codes, keys, faults and tokens. */
export type SeededRandom = {
  /** Uniform in [0, 1). */
  fraction(): number
  bytes(count: number): Buffer
  /** Letters and digits, as in WeChat's codes and tokens. */
  letters(count: number): string
  /** Eight hexadecimal digits. */
  hex8(): string
}

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

/** mulberry32: 32 bits of state are plenty for simulated secrets, and it is fast enough for load tests. */
export function seededRandom(seed: number): SeededRandom {
  let state = seed >>> 0

  const next32 = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return (mixed ^ (mixed >>> 14)) >>> 0
  }

  return {
    fraction: () => next32() / 0x1_0000_0000,
    bytes: (count) => Buffer.from(Array.from({ length: count }, () => next32() & 0xff)),
    letters: (count) => Array.from({ length: count }, () => ALPHABET[next32() % ALPHABET.length]).join(''),
    hex8: () => next32().toString(16).padStart(8, '0'),
  }
}
