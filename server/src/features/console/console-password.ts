/**
 * Passwords of administrators, by scrypt: N = 2^17, r = 8, p = 1 (OWASP's recommendation). One hash takes 128 MB for
 * about half a second, so they run one at a time and the queue is short: on a box with 2 GB, sign-in must not become
 * the way to bring it down.
 */
import { randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto'
import { AppError } from '../../errors.ts'

const COST = 2 ** 17
const BLOCK_SIZE = 8
const PARALLEL = 1
const MEMORY_LIMIT_BYTES = 160 * 1024 * 1024
const KEY_BYTES = 32
const SALT_BYTES = 16
const QUEUE_LIMIT = 4
const RETRY_AFTER_SECONDS = 3

export type PasswordHasher = {
  hash(password: string): Promise<string>
  verify(password: string, stored: string): Promise<boolean>
}

/** @throws {AppError} `overloaded` when too many people sign in at once */
export function createPasswordHasher(cost = COST): PasswordHasher {
  let waiting = 0
  let last: Promise<unknown> = Promise.resolve()

  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (waiting >= QUEUE_LIMIT) {
      throw new AppError('overloaded', 'Too many people sign in at once.', {
        details: { retryAfterSeconds: RETRY_AFTER_SECONDS },
      })
    }
    waiting += 1
    const result = last.then(work).finally(() => {
      waiting -= 1
    })
    last = result.catch(() => undefined)
    return result
  }

  return {
    hash: (password) =>
      inTurn(async () => {
        const salt = randomBytes(SALT_BYTES)
        const key = await derive(password, salt, { N: cost, r: BLOCK_SIZE, p: PARALLEL })
        return ['scrypt', cost, BLOCK_SIZE, PARALLEL, salt.toString('base64url'), key.toString('base64url')].join('$')
      }),
    verify: (password, stored) =>
      inTurn(async () => {
        const [kind, n, r, p, salt = '', key = ''] = stored.split('$')
        if (kind !== 'scrypt') return false
        const expected = Buffer.from(key, 'base64url')
        const options = { N: Number(n), r: Number(r), p: Number(p) }
        const actual = await derive(password, Buffer.from(salt, 'base64url'), options)
        return expected.length === actual.length && timingSafeEqual(expected, actual)
      }),
  }
}

function derive(password: string, salt: Buffer, options: ScryptOptions): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    // NFKC: the same password typed on another keyboard or system gives the same bytes.
    scrypt(password.normalize('NFKC'), salt, KEY_BYTES, { ...options, maxmem: MEMORY_LIMIT_BYTES }, (error, key) =>
      error ? reject(error) : resolve(key),
    )
  })
}
