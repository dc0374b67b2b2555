/** Maps the errors of PostgreSQL and its driver to codes of the catalogue. */
import pg from 'pg'
import type { ErrorCode } from '../http/errors.ts'
import { databaseErrorOf } from './client.ts'
import { isConnectionFailure } from './connection-failure.ts'
import { isStaleStatement } from './stale-statements.ts'

/** SQLSTATEs, or their two-digit classes, and the code that a client gets. PostgreSQL 18, appendix A. */
const BY_SQLSTATE: Record<string, ErrorCode> = {
  // A value that the column's type cannot hold. Validation refuses these first; this is the second line.
  '22': 'INVALID_VALUE',
  '54000': 'INVALID_VALUE',
  '08P01': 'INVALID_VALUE',
  // Uniqueness, foreign keys, and what a concurrent transaction made impossible.
  '23503': 'CONFLICT',
  '23505': 'CONFLICT',
  '40': 'CONFLICT',
  // The server is going, gone, full, or slower than our limits.
  '08': 'DATABASE_UNAVAILABLE',
  '53': 'DATABASE_UNAVAILABLE',
  '57': 'DATABASE_UNAVAILABLE',
  '55P03': 'DATABASE_UNAVAILABLE',
  '25P03': 'DATABASE_UNAVAILABLE',
  '25P04': 'DATABASE_UNAVAILABLE',
  // It refuses the connection: a changed password, a database that is being restored.
  '28': 'DATABASE_UNAVAILABLE',
  '3D': 'DATABASE_UNAVAILABLE',
  // An administrator's change: a read-only standby refuses writes with 25006.
  '25006': 'DATABASE_UNAVAILABLE',
}

const NETWORK = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'EHOSTDOWN',
  'ENETUNREACH',
  'ENETDOWN',
  'EADDRNOTAVAIL',
  'ECONNABORTED',
  // TLS that breaks in the middle of a connection.
  'EPROTO',
])

/**
 * Returns the catalogue's code of a database error; undefined where it is none, or is our own mistake (a 500).
 * `constraints` are the codes of the constraints that a client can violate.
 */
export function databaseErrorCode(
  error: unknown,
  constraints: Readonly<Record<string, ErrorCode>>,
): ErrorCode | undefined {
  const cause = databaseErrorOf(error)
  if (!(cause instanceof Error)) return undefined
  if (cause instanceof pg.DatabaseError) {
    const { code = '', constraint = '', severity } = cause
    // A fatal error ended the session. PgBouncer reports a lost server as 08P01, the code of a malformed statement.
    if (severity === 'FATAL' || isConnectionFailure(cause)) return 'DATABASE_UNAVAILABLE'
    // The next connection prepares it anew: a roll-out has changed the schema under a transaction.
    if (isStaleStatement(cause)) return 'DATABASE_UNAVAILABLE'
    return constraints[constraint] ?? BY_SQLSTATE[code] ?? BY_SQLSTATE[code.slice(0, 2)]
  }
  return isUnreachable(cause) ? 'DATABASE_UNAVAILABLE' : undefined
}

/** Returns whether the database cannot be reached, is stopping or is starting. PostgreSQL 18, appendix A, class 57. */
export function isDatabaseGone(error: unknown): boolean {
  const cause = databaseErrorOf(error)
  if (cause instanceof pg.DatabaseError) return cause.severity === 'FATAL' && /^57/.test(cause.code ?? '')
  return cause instanceof Error && isUnreachable(cause)
}

function isUnreachable(error: Error & { code?: string }): boolean {
  return isConnectionFailure(error) || NETWORK.has(error.code ?? '')
}
