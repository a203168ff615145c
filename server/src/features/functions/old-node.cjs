/**
 * What Node had when most cloud functions and their packages were written (8 to 18) and has no more. CloudBase runs them
 * on such versions still, so they must run here.
 */
const crypto = require('node:crypto')
const util = require('node:util')

/** Removed in Node 23; `request`, `tenpay` and their like ask for them. */
const UTIL = {
  isBoolean: (value) => typeof value === 'boolean',
  isBuffer: Buffer.isBuffer,
  isDate: util.types.isDate,
  isError: (value) => util.types.isNativeError(value) || value instanceof Error,
  isFunction: (value) => typeof value === 'function',
  isNull: (value) => value === null,
  isNullOrUndefined: (value) => value === null || value === undefined,
  isNumber: (value) => typeof value === 'number',
  isObject: (value) => value !== null && typeof value === 'object',
  isPrimitive: (value) => value === null || (typeof value !== 'object' && typeof value !== 'function'),
  isRegExp: util.types.isRegExp,
  isString: (value) => typeof value === 'string',
  isSymbol: (value) => typeof value === 'symbol',
  isUndefined: (value) => value === undefined,
  log: (...values) => console.log(...values),
}

/** OpenSSL's EVP_BytesToKey with MD5, one round, no salt: how the removed functions made a key out of a password. */
const deriveKey = (password, keyBytes, ivBytes) => {
  let derived = Buffer.alloc(0)
  let block = Buffer.alloc(0)
  while (derived.length < keyBytes + ivBytes) {
    block = crypto.createHash('md5').update(block).update(password).digest()
    derived = Buffer.concat([derived, block])
  }
  return [derived.subarray(0, keyBytes), derived.subarray(keyBytes, keyBytes + ivBytes)]
}

/** Removed in Node 22. Weak, but what was encrypted with them must stay readable. */
const withPassword = (create) => (algorithm, password, options) => {
  const { keyLength, ivLength = 0 } = crypto.getCipherInfo(algorithm) ?? {}
  if (!keyLength) throw new Error(`Unknown cipher ${algorithm}`)
  const [key, iv] = deriveKey(password, keyLength, ivLength)
  return create(algorithm, key, ivLength ? iv : null, options)
}

const restore = (target, members) => {
  for (const [name, member] of Object.entries(members)) if (!(name in target)) target[name] = member
}

restore(util, UTIL)
restore(crypto, {
  createCipher: withPassword(crypto.createCipheriv),
  createDecipher: withPassword(crypto.createDecipheriv),
})
