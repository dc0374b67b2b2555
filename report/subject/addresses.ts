/** Finds the variables of an environment that name a database on another machine. */

const URL_SCHEMES =
  /^(postgres|postgresql|prisma|prisma\+postgres|mysql|mysql2|mariadb|mssql|sqlserver|mongodb|mongodb\+srv|rediss?|valkeys?|cockroachdb|clickhouse|neo4j|bolt|libsql|cassandra|amqps?|nats):/i
const STORES =
  'PG|DB|SQL|DATABASE|POSTGRES(QL)?|MYSQL|MARIADB|MSSQL|MONGO(DB)?|REDIS|VALKEY|CACHE|RABBITMQ|AMQP|ELASTIC\\w*|OPENSEARCH|TYPEORM|SUPABASE|TURSO|NEON|UPSTASH|CLICKHOUSE'
/** For example PGHOST, DB_HOST, TEST_DATABASE_URL, MONGODB_URI, REDIS_CLUSTER_NODES. */
const STORE_NAME = new RegExp(
  `(^|_)(${STORES})(_\\w+)?_?(HOST|HOSTADDR|HOSTNAME|SERVER|ADDR|ADDRESS|ENDPOINT|URL|URI|DSN|NODES|CONNECTION(_?STRING)?)S?$`,
  'i',
)
const LOCAL = /^(|localhost|.*\.localhost|127(\.\d{1,3}){3}|\[?::1\]?|\[?::ffff:127(\.\d{1,3}){3}\]?)$/i

/** Returns whether a host name or address is on this machine: by its text, without asking a name server. */
export function isLocalHost(host: string): boolean {
  return LOCAL.test(host) || host.startsWith('/')
}

/** Returns the names of the variables that name a database elsewhere. */
export function remoteDatabases(environment: NodeJS.ProcessEnv): string[] {
  return Object.entries(environment)
    .filter(([name, value]) => value !== undefined && isRemoteDatabase(name, value))
    .map(([name]) => name)
}

/** Returns whether a variable names a database that is not on this machine. */
export function isRemoteDatabase(name: string, value: string): boolean {
  const text = value.trim()
  if (text === '' || (!URL_SCHEMES.test(text) && !STORE_NAME.test(name))) return false
  return hostsOf(text).some(host => !isLocalHost(host))
}

/** The hosts of a URL, of a list of hosts, or of a connection string of keywords. */
function hostsOf(text: string): string[] {
  if (/^(file:|sqlite|:memory:|\.|\/)/i.test(text)) return []
  const keywords = [
    ...text.matchAll(/(?:^|[;\s?&])(?:host|hostaddr|server|data source)\s*=\s*(?:tcp:)?([^;,\s&]+)/gi),
  ]
  const named = keywords.map(([, host = '']) => decodeURIComponent(host))
  const authority = /^[\w+.-]+:\/\/([^/?#]*)/.exec(text)?.[1]
  if (authority === undefined && named.length > 0) return named
  const list = (authority ?? text.split('/', 1)[0] ?? '').split('@').at(-1) ?? ''
  return [...list.split(',').map(withoutPort), ...named]
}

function withoutPort(host: string): string {
  const trimmed = host.trim()
  return trimmed.split(':').length > 2 && !trimmed.startsWith('[') ? trimmed : trimmed.replace(/:\d+$/, '')
}
