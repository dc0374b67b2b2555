/** Validates connection URLs strictly by RFC 3986: an unescaped character of a password must not end the password or host. */

/** RFC 3986 §2: unreserved characters, those that delimit, and an escaped byte. */
const CHARACTERS = /^(?:[A-Za-z0-9._~!$&'()*+,;=:@/?[\]-]|%[0-9A-Fa-f]{2})*$/

/** Scheme, user and password, host and port, path, query. */
const PARTS = /^([a-z]+):\/\/(?:([^@/?]*)@)?([^@/?]*)(\/[^@?]*)?(?:\?([^@]*))?$/

/** A name, an IPv4 address, an IPv6 address in brackets, or the escaped path of a socket; and a port. */
const HOST_AND_PORT = /^((?:[A-Za-z0-9._~-]|%[0-9A-Fa-f]{2})*|\[[0-9A-Fa-f:.]+\])(?::([0-9]*))?$/

/** Segments that a URL parser removes from a path, together with the segment before. */
const DOT_SEGMENT = /(?:^|\/)(?:\.|%2e){1,2}(?:\/|$)/i

/** Characters that node-postgres leaves escaped in the name of a database, since it uses decodeURI. */
const STAYS_ESCAPED = /%(?:23|24|26|2[bcf]|3[abdf]|40)/i

const ENCODE =
  'must be a URL: write the characters # / ? @ [ ] % ^ { } and spaces of a user name or password percent-encoded: # is %23, % is %25'

/** Parameters that belong elsewhere in the URL, and where. */
const NOT_IN_QUERY: Record<string, string> = {
  user: 'before the host',
  username: 'before the host',
  password: 'before the host',
  dbname: 'as the path',
  database: 'as the path',
  hostaddr: 'as the host',
}

/** Parameters that the service sets for every connection, and the setting to use instead. */
const NOT_FOR_POOLS: Record<string, string> = {
  statement_timeout: 'set DATABASE_STATEMENT_TIMEOUT instead',
  query_timeout: 'set DATABASE_STATEMENT_TIMEOUT instead',
  lock_timeout: 'set DATABASE_LOCK_TIMEOUT instead',
  idle_in_transaction_session_timeout: 'set DATABASE_IDLE_IN_TRANSACTION_TIMEOUT instead',
}

/** Other known parameters: node-postgres reads them, or always does what they say in libpq. */
const KNOWN = [
  'host',
  'port',
  'options',
  'application_name',
  'fallback_application_name',
  'client_encoding',
  'sslrootcert',
  'sslcert',
  'sslkey',
]

/** The modes of node-postgres, in connection strings and in PGSSLMODE. */
export const SSL_MODES: readonly string[] = [
  'disable',
  'prefer',
  'require',
  'verify-ca',
  'verify-full',
  'no-verify',
]

/** Parameters and their values. node-postgres ignores an unknown value, or takes it for yes. */
const VALUES: Record<string, readonly string[]> = {
  sslmode: SSL_MODES,
  ssl: ['true', '1', '0', 'no-verify'],
  sslnegotiation: ['postgres', 'direct'],
  uselibpqcompat: ['true', 'false'],
  // A replication connection takes no prepared statements.
  replication: ['false'],
}

const PARAMETERS = [...Object.keys(VALUES), ...KNOWN]

type Parts = { host: string; path: string; query: URLSearchParams }

/** Returns what is wrong with the URL of a PostgreSQL database, without quoting it; undefined where nothing is. */
export function postgresUrlProblem(url: string): string | undefined {
  if (!/^postgres(ql)?:\/\//.test(url)) return 'must begin with postgres:// or postgresql://'
  const parts = readParts(url)
  return typeof parts === 'string' ? parts : (databaseProblem(parts) ?? parametersProblem(parts))
}

/** Returns the parameters of such a URL that have no effect, without names that may be a part of a secret. */
export function uselessParameters(url: string): string[] {
  const parts = readParts(url)
  if (typeof parts === 'string') return []
  return [...parts.query.keys()].filter(name => /^[a-z_]{1,40}$/i.test(name) && !PARAMETERS.includes(name))
}

/** Returns what is wrong with the URL of a Redis server, without quoting it; undefined where nothing is. */
export function redisUrlProblem(url: string): string | undefined {
  if (!/^rediss?:\/\//.test(url)) return 'must begin with redis:// or rediss://'
  const parts = readParts(url)
  if (typeof parts === 'string') return parts
  if (parts.host === '') return 'must name a host'
  if (parts.host.includes('%')) return 'must name a host without percent-encoding'
  if (!/^[0-9]*$/.test(parts.path)) return 'must have the number of a database as its path, or none'
}

/** Returns the parts of a URL, or what is wrong with its form. */
function readParts(url: string): Parts | string {
  if (!CHARACTERS.test(url)) return ENCODE
  const [, , user = '', authority = '', path = '', search = ''] = PARTS.exec(url) ?? []
  if (!PARTS.test(url) || /[[\]]/.test(user + path + search)) return ENCODE
  const query = new URLSearchParams(search)
  if (authority.includes(',') || query.get('host')?.includes(','))
    return 'names several hosts, which is not supported: name one, or an address that leads to the primary'
  const [, host = '', port = ''] = HOST_AND_PORT.exec(authority) ?? []
  if (!HOST_AND_PORT.test(authority)) return ENCODE
  if (port !== '' && (host === '' || Number(port) < 1 || Number(port) > 65_535))
    return 'must have a host before its port, and a port from 1 to 65535'
  if (DOT_SEGMENT.test(path)) return 'must not have . or .. in its path'
  if (!isUtf8(url)) return 'must be UTF-8 where it is percent-encoded'
  // It ends a text of PostgreSQL's protocol: what follows would be another parameter of the connection.
  if (url.includes('%00')) return 'must not have a zero byte (%00)'
  const [misplaced, place] = Object.entries(NOT_IN_QUERY).find(([name]) => query.has(name)) ?? []
  if (misplaced !== undefined) return `must not name ${misplaced} in its query: write it ${place}`
  // A parser without a host wants a path. Where there is a user and no host, node-postgres puts one in.
  if (!URL.canParse(url) && !URL.canParse(url.replace('@/', '@host/'))) return ENCODE
  return { host, path: path.slice(1), query }
}

function databaseProblem({ path }: Parts): string | undefined {
  if (STAYS_ESCAPED.test(path)) return 'must name a database without # $ & + , / : ; = ? @ in its name'
}

function parametersProblem({ host, query }: Parts): string | undefined {
  const [unwanted, remedy] = Object.entries(NOT_FOR_POOLS).find(([name]) => query.has(name)) ?? []
  if (unwanted !== undefined) return `must not have ${unwanted} in its query: ${remedy}`
  for (const name of PARAMETERS) {
    if (query.getAll(name).length > 1) return `must have ${name} in its query once`
    if ([...query.keys()].some(key => key !== name && key.toLowerCase() === name))
      return `must have ${name} in small letters`
  }
  for (const [name, allowed] of Object.entries(VALUES)) {
    const value = query.get(name)
    if (value !== null && !allowed.includes(value)) return `must have ${name}=${allowed.join('|')}`
  }
  if (host !== '' && query.has('host')) return 'must name one host, before the path or in the query'
  const port = query.get('port')
  if (port !== null && !/^[1-9][0-9]{0,4}$/.test(port)) return 'must have a port from 1 to 65535'
  if (query.get('sslnegotiation') === 'direct' && isPlain(query))
    return 'must ask for TLS where it has sslnegotiation=direct'
}

/** Returns whether the parameters turn TLS off. */
function isPlain(query: URLSearchParams): boolean {
  return query.get('sslmode') === 'disable' || (!query.has('sslmode') && query.get('ssl') === '0')
}

function isUtf8(escaped: string): boolean {
  try {
    decodeURIComponent(escaped)
    return true
  } catch {
    return false
  }
}
