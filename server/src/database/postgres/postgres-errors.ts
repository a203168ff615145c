/** PostgreSQL's SQLSTATE codes as AppErrors. */
import { AppError } from '../../errors.ts'
import { unavailable } from '../networked/driver.ts'

/** Serialization failure, deadlock, lock not available. */
const CONFLICT = new Set(['40001', '40P01', '55P03'])
/** Connection exceptions, shutdown and crash, too many connections, read-only transaction. */
const AWAY = /^(?:08|57P0|53300|25006)/

/** @see https://www.postgresql.org/docs/current/errcodes-appendix.html */
export function toPostgresError(thrown: unknown): unknown {
  if (!(thrown instanceof Error) || thrown instanceof AppError) return thrown
  const code = 'code' in thrown && typeof thrown.code === 'string' ? thrown.code : ''
  if (code === '23505') {
    const index = 'constraint' in thrown ? thrown.constraint : ''
    // Without its cause: the server's message holds the value, which may be somebody's openid.
    return new AppError('document_exists', 'Another record has the same unique value.', { details: { index } })
  }
  if (CONFLICT.has(code) || isStalePlan(thrown))
    return new AppError('transaction_conflict', 'The database gave up waiting for a lock.', { cause: thrown })
  if (code === '57014') return new AppError('deadline_exceeded', 'The statement was stopped.', { cause: thrown })
  if (code === '53100')
    return new AppError('storage_full', "The database server's disk is full; nothing was written.", { cause: thrown })
  // Errors of the network have Node's codes; pg's own about the connection have none.
  const isNetwork =
    code.startsWith('E') || /^(?:Connection terminated|Client has encountered|timeout)/.test(thrown.message)
  return AWAY.test(code) || isNetwork ? unavailable('The database does not answer.', thrown) : thrown
}

/**
 * A prepared statement for a table that has changed since. PostgreSQL reports it as "feature not supported", like much
 * else.
 */
export const isStalePlan = (error: unknown) =>
  error instanceof Error && 'code' in error && error.code === '0A000' && error.message.startsWith('cached plan')
