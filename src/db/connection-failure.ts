/** Connections that could not be made: which errors those are, and one sentence that says why and what to do. */
import pg from 'pg'

/** Every error that came instead of a connection, of any kind: TLS alone has a hundred codes. */
const failures = new WeakSet<object>()

/** Takes note of an error that came instead of a connection. */
export function markConnectionFailure(error: unknown): void {
  if (typeof error === 'object' && error !== null) failures.add(error)
}

/** Whether this error came instead of a connection. */
export function isConnectionFailure(error: unknown): boolean {
  return typeof error === 'object' && error !== null && failures.has(error)
}

/** SQLSTATEs of PostgreSQL's refusals, appendix A, and what to do. */
const REFUSALS: Record<string, string> = {
  '28P01': 'it does not accept the password: check the user and the password',
  '28000':
    'it does not let this user in from here: check the user, its pg_hba.conf, and whether it asks for TLS (sslmode)',
  '3D000': 'there is no such database: check the name after the host, or create it',
  '53300': 'it has no connection left for this user, this database, or at all',
  '57P03': 'it is starting, or recovering',
}

/** Codes of Node.js and OpenSSL (the Node.js documentation has them under "X509 certificate error codes"), and what to do. */
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

const NO_TLS =
  'it does not offer TLS: turn that on there, or set sslmode=disable where the network is trusted'

/** Why the database cannot be reached, as the end of a sentence. PostgreSQL's words where there are none of ours. */
export function explainConnectionFailure(error: unknown): string {
  const { code = '', message = '' } = error as { code?: string; message?: string }
  if (error instanceof pg.DatabaseError) return withCode(REFUSALS[code] ?? `it says: ${message}`, code)
  if (/does not support SSL/.test(message)) return NO_TLS
  const [, reason] = TLS_FAILURES.find(([pattern]) => pattern.test(code)) ?? []
  if (reason !== undefined) return withCode(reason, code)
  if (/connection timeout|timeout expired/.test(message)) return 'it does not answer in time'
  if (/client password must be a/.test(message))
    return 'it asks for a password, and the connection string has none'
  return code || message || 'no reason given'
}

function withCode(reason: string, code: string): string {
  return `${reason} (${code})`
}
