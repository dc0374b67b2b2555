/**
 * Recognizes and explains connection failures. pg reports some by its message alone: the messages are in this file, and
 * test/db/connection-failure.test.ts fails when pg changes them.
 */
import pg from 'pg'

/** Every error that came instead of a connection, or from a lost one. They are marked: TLS alone has a hundred codes. */
const failures = new WeakSet<object>()

/** Marks an error as a connection failure. */
export function markConnectionFailure(error: unknown): void {
  if (typeof error === 'object' && error !== null) failures.add(error)
}

/** Returns whether an error was marked as a connection failure. */
export function isConnectionFailure(error: unknown): boolean {
  return typeof error === 'object' && error !== null && failures.has(error)
}

/** SQLSTATEs of PostgreSQL's refusals, appendix A, and what to do. */
const REFUSALS: Record<string, string> = {
  '28P01': 'it does not accept the password: check the user and the password',
  '28000':
    'it does not accept this user from this host: check the user, its pg_hba.conf, and whether it requires TLS (sslmode)',
  '3D000': 'there is no such database: check the name after the host, or create it',
  '53300': 'it accepts no more connections, in total or of this user or database',
  '57P03': 'it is starting or recovering',
}

/** Codes of Node.js and OpenSSL ("X509 certificate error codes" in the documentation of Node.js), and what to do. */
const TLS_FAILURES: [RegExp, string][] = [
  [/ALTNAME|HOSTNAME/, 'its certificate is for another host name: use the name that is in it'],
  [/EXPIRED/, 'its certificate has expired: renew it there'],
  [/NOT_YET_VALID/, 'its certificate is not valid yet: check the clocks'],
  [
    /SELF_SIGNED|SIGNATURE|ISSUER|UNABLE_TO_VERIFY|UNTRUSTED|INVALID_CA/,
    'its certificate is not signed by a CA that is trusted here: add sslrootcert=/path of the CA to the connection string',
  ],
  [/^(CERT|CRL)_|^UNABLE_TO_|^ERROR_IN_/, 'its certificate is not valid'],
  [/^ERR_SSL|^ERR_TLS|^EPROTO/, 'TLS with it failed'],
]

/** Messages of pg that come without a code. */
const MESSAGES = {
  noTls: /does not support SSL/,
  timeout: /connection timeout|timeout expired|timeout exceeded when trying to connect/,
  noPassword: /client password must be a/,
  ended: /^(Connection terminated|Client (has encountered a connection error|was closed))/,
}

/** Returns whether pg failed because its connection ended. */
export function isDriverFailure(error: unknown): boolean {
  return error instanceof Error && MESSAGES.ended.test(error.message)
}

const NO_TLS = 'it does not offer TLS: enable it there, or set sslmode=disable where the network is trusted'

/** Returns why the database cannot be reached, as the end of a sentence: our explanation, or PostgreSQL's message. */
export function explainConnectionFailure(error: unknown): string {
  const { code = '', message = '' } = error as { code?: string; message?: string }
  if (error instanceof pg.DatabaseError) return withCode(REFUSALS[code] ?? `it says: ${message}`, code)
  if (MESSAGES.noTls.test(message)) return NO_TLS
  const [, reason] = TLS_FAILURES.find(([pattern]) => pattern.test(code)) ?? []
  if (reason !== undefined) return withCode(reason, code)
  if (MESSAGES.timeout.test(message)) return 'it does not respond in time'
  if (MESSAGES.noPassword.test(message)) return 'it requires a password, and the connection string has none'
  return code || message || 'no reason given'
}

function withCode(reason: string, code: string): string {
  return `${reason} (${code})`
}
