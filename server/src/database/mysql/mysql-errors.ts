/** MySQL's and MariaDB's error numbers as AppErrors. */
import { AppError } from '../../errors.ts'
import { unavailable } from '../networked/driver.ts'

const DUPLICATE = new Set([1062, 1586])
/** Deadlock, lock wait timeout, MariaDB's "record has changed". */
const CONFLICT = new Set([1213, 1205, 1020])
/** KILL QUERY, MySQL's max_execution_time, MariaDB's max_statement_time. */
const STOPPED = new Set([1317, 3024, 1969])
const DISK_FULL = new Set([1021, 1114, 3])
/** Too many connections, shutting down, killed, read-only, gone away. */
const AWAY = new Set([1040, 1203, 1053, 1077, 1927, 1290, 1836, 1792, 2006, 2013, 4031])

/** @see https://dev.mysql.com/doc/mysql-errors/8.4/en/server-error-reference.html */
export function toMysqlError(thrown: unknown): unknown {
  if (!(thrown instanceof Error) || thrown instanceof AppError) return thrown
  const errno = 'errno' in thrown && typeof thrown.errno === 'number' ? thrown.errno : 0
  if (DUPLICATE.has(errno)) {
    const index = /for key '(?:.*\.)?([^']+)'$/.exec(thrown.message)?.[1] ?? ''
    // Without its cause: the server's message holds the value, which may be somebody's openid.
    return new AppError('document_exists', 'Another record has the same unique value.', { details: { index } })
  }
  if (CONFLICT.has(errno))
    return new AppError('transaction_conflict', 'The database gave up waiting for a lock.', { cause: thrown })
  if (STOPPED.has(errno)) return new AppError('deadline_exceeded', 'The statement was stopped.', { cause: thrown })
  if (DISK_FULL.has(errno))
    return new AppError('storage_full', "The database server's disk is full; nothing was written.", { cause: thrown })
  // Errors of the connection itself are fatal, or come from the network with a negative number.
  const isFatal = 'fatal' in thrown && thrown.fatal === true
  const isAccess = errno === 1045 || errno === 1044 || errno === 1049
  if (AWAY.has(errno) || errno < 0 || (isFatal && !isAccess))
    return unavailable('The database does not answer.', thrown)
  return thrown
}
