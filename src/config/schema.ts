/** The environment variables: a schema with the format, the default and the description of each. */
import { type TObject, Type } from '@sinclair/typebox'
import { SERVICE_NAME } from './service-name.ts'
import { telemetryProperties } from './telemetry-schema.ts'

/** The form of a duration, in words. */
const DURATION = 'a number of up to 6 digits and ms, s, m, h or d'

/**
 * A time limit or an interval. The configuration has it in milliseconds. To PostgreSQL and the pool, zero would mean no
 * limit.
 */
export const Duration = (description: string, fallback?: string, pattern = '^[1-9][0-9]{0,5}(ms|s|m|h|d)$') =>
  Type.Unsafe<number>({
    type: 'string',
    isDuration: true,
    pattern,
    format: 'timer',
    rule: `${DURATION}, from ${pattern.startsWith('^[1-9]') ? '1ms' : '0ms'} to 24d, such as 30s`,
    ...(fallback && { default: fallback }),
    description: `${description} (a number and ms, s, m, h or d; at most 24d)`,
  })

/** How long something is valid. The configuration has it in milliseconds. */
export const Lifetime = (description: string, fallback: string) =>
  Type.Unsafe<number>({
    type: 'string',
    isDuration: true,
    pattern: '^[1-9][0-9]{0,5}(ms|s|m|h|d)$',
    rule: `${DURATION}, at least 1ms, such as 30d`,
    default: fallback,
    description: `${description} (a number and ms, s, m, h or d)`,
  })

export const Count = (description: string, fallback: number, minimum = 1, maximum = 1_000_000) =>
  Type.Integer({ minimum, maximum, default: fallback, description })

/**
 * The environment variables, their formats, defaults and descriptions. `.env.example`, docs/deployment.md
 * section and the report are read from here or checked against it.
 */
export const CoreSchema = Type.Object({
  NODE_ENV: Type.Union([Type.Literal('development'), Type.Literal('test'), Type.Literal('production')], {
    default: 'development',
    description: 'Development starts an embedded PostgreSQL and creates a signing key; production never does',
  }),
  HOST: Type.String({ minLength: 1, default: '127.0.0.1', description: 'Address to listen on' }),
  PORT: Count('Port to listen on; 0 takes a free one', 3000, 0, 65_535),
  WORKERS: Count(
    'Processes that serve the port together; each has its own pool, and, without REDIS_URL, its own rate limits',
    1,
    1,
    256,
  ),
  LOG_LEVEL: Type.Union(
    ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'].map(level => Type.Literal(level)),
    { default: 'info', description: 'Least level of log lines that are written' },
  ),
  LOG_FORMAT: Type.Optional(
    Type.Union([Type.Literal('json'), Type.Literal('pretty')], {
      description: 'Form of the log lines; pretty in development, else json',
    }),
  ),
  DATABASE_URL: Type.String({
    format: 'postgres-url',
    description: 'PostgreSQL connection string; development starts an embedded server without it',
  }),
  DATABASE_DIRECT_URL: Type.Optional(
    Type.String({
      format: 'postgres-url',
      description:
        'Connection string past a transaction pooler, for migrations and LISTEN; else DATABASE_URL',
    }),
  ),
  DATABASE_POOL_MAX: Count('Most connections that one process opens for queries', 10, 1, 1000),
  DATABASE_CONNECT_TIMEOUT: Duration('Longest wait for a free connection', '2s'),
  DATABASE_STATEMENT_TIMEOUT: Duration('Longest run of one statement', '3s'),
  DATABASE_LOCK_TIMEOUT: Duration('Longest wait for a lock', '2s'),
  DATABASE_IDLE_IN_TRANSACTION_TIMEOUT: Duration('Longest pause inside a transaction', '5s'),
  MIGRATION_LOCK_TIMEOUT: Duration(
    'Longest wait of a migration for a lock, during which requests queue up behind it; it tries five times',
    '5s',
  ),
  REDIS_URL: Type.Optional(
    Type.String({
      format: 'redis-url',
      description:
        'Redis for the rate limits of several instances together; without it each instance counts alone',
    }),
  ),
  JWT_PRIVATE_KEY: Type.String({
    minLength: 1,
    description:
      'RSA private key that signs access tokens, at least 2048 bits: PEM, or the path of a PEM file',
  }),
  JWT_PUBLIC_KEYS: Type.Optional(
    Type.String({
      description:
        'Further RSA public keys to accept while keys rotate: PEM blocks, or the path of a file of them',
    }),
  ),
  JWT_ISSUER: Type.String({
    minLength: 1,
    default: SERVICE_NAME,
    description: 'Issuer (iss) of access tokens',
  }),
  JWT_AUDIENCE: Type.String({
    minLength: 1,
    default: `${SERVICE_NAME}-api`,
    description: 'Audience (aud) of access tokens',
  }),
  ACCESS_TOKEN_TTL: Lifetime('Life of an access token', '15m'),
  RATE_LIMIT_MAX: Count('Requests that one client may send in a window', 100),
  RATE_LIMIT_WINDOW: Duration('The window of every rate limit', '1m'),
  LOGIN_RATE_LIMIT_MAX: Count('Logins that one client may try for one account in a window', 10),
  CORS_ORIGINS: Type.String({
    default: '',
    pattern: '^(https?://[^,\\s/]+(,\\s*https?://[^,\\s/]+)*)?$',
    rule: 'origins such as https://app.example.com, without a path, separated by commas',
    description: 'Origins whose pages may call the API, separated by commas',
  }),
  TRUST_PROXY: Type.String({
    default: '',
    format: 'cidr-list',
    rule: 'IP addresses or CIDR ranges such as 10.0.0.0/8, separated by commas',
    description:
      'Addresses or CIDR ranges of the proxies whose X-Forwarded-For is trusted, separated by commas',
  }),
  METRICS_TOKEN: Type.Optional(
    Type.String({
      minLength: 16,
      description: 'Bearer token that /metrics requires; in production there is no /metrics without it',
    }),
  ),
  DOCS: Type.Union([Type.Literal('on'), Type.Literal('off')], {
    default: 'on',
    description: 'Whether the OpenAPI document and its page are served: on or off',
  }),
  BODY_LIMIT: Count('Largest request body, in bytes', 65_536, 1024, 104_857_600),
  REQUEST_TIMEOUT: Duration('Longest time in which a client may send a whole request', '10s'),
  SEND_TIMEOUT: Duration(
    'Time in which a client must read the next 64 KiB of a response, or the rest of it; then its connection is reset',
    '30s',
  ),
  KEEP_ALIVE_TIMEOUT: Duration(
    'Longest pause between two requests of a connection; set it above the idle timeout of the load balancer',
    '72s',
  ),
  MAX_CONNECTIONS: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: 1_000_000,
      description:
        'Most client connections of one process, further ones are closed at once; 5000, or fewer where the limit of ' +
        'open files requires it',
    }),
  ),
  MAX_EVENT_LOOP_DELAY: Duration('Event-loop delay beyond which requests are shed with 503', '1s'),
  DRAIN_DELAY: Type.Optional(
    Duration(
      'Time between failing readiness and closing the listener; 5s in production, else none',
      undefined,
      '^[0-9]{1,6}(ms|s|m|h|d)$',
    ),
  ),
  SHUTDOWN_TIMEOUT: Duration(
    'Longest shutdown after the drain delay, then the process exits with code 1',
    '20s',
  ),
  ...telemetryProperties,
  DATA_DIR: Type.String({
    minLength: 1,
    default: '.data',
    description: 'Folder of the embedded PostgreSQL and the development signing key',
  }),
})

/** A module's settings: its name, and a schema of the variables that it adds. */
export type ModuleSettings = { name: string; settings?: TObject }

/** Returns the schema of all environment variables, those of the modules included. */
export function environmentSchemaOf(modules: readonly ModuleSettings[]): TObject {
  const own = modules.flatMap(({ settings }) => Object.entries(settings?.properties ?? {}))
  const taken = own.filter(
    ([name], index) => name in CoreSchema.properties || own.findIndex(([other]) => other === name) < index,
  )
  if (taken.length > 0)
    throw new Error(`two settings have the same name: ${taken.map(([name]) => name).join(', ')}`)
  return Type.Object({ ...CoreSchema.properties, ...Object.fromEntries(own) })
}
