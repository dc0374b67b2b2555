/** Every setting of the service: the only reader of the environment, a schema with a description per variable. */
import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { parseEnv } from 'node:util'
import { type Static, type TObject, Type } from '@sinclair/typebox'
import { Ajv, type ErrorObject } from 'ajv'
import addFormats from 'ajv-formats'
import envSchema from 'env-schema'
import ipaddr from 'ipaddr.js'

/** Milliseconds of each unit. */
const UNITS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** The longest time that a timer of Node's, or a time-out of PostgreSQL's, can hold: 24.8 days. */
const LONGEST_TIMER_MS = 2 ** 31 - 1

/** How long something may take or wait. Zero would mean "for ever" to PostgreSQL and the pool. */
const Duration = (description: string, fallback?: string, pattern = '^[1-9][0-9]{0,5}(ms|s|m|h|d)$') =>
  Type.String({
    pattern,
    format: 'timer',
    ...(fallback && { default: fallback }),
    description: `${description} (a number and ms, s, m, h or d; at most 24d)`,
  })

/** How long something stays valid. */
const Lifetime = (description: string, fallback: string) =>
  Type.String({
    pattern: '^[1-9][0-9]{0,5}(ms|s|m|h|d)$',
    default: fallback,
    description: `${description} (a number and ms, s, m, h or d)`,
  })

const Count = (description: string, fallback: number, minimum = 1, maximum = 1_000_000) =>
  Type.Integer({ minimum, maximum, default: fallback, description })

/**
 * The environment variables, their formats, defaults and descriptions. `.env.example`, the README's deployment
 * section and the report are read from here or checked against it.
 */
export const EnvironmentSchema = Type.Object({
  NODE_ENV: Type.Union([Type.Literal('development'), Type.Literal('test'), Type.Literal('production')], {
    default: 'development',
    description: 'Development starts an embedded PostgreSQL and makes a signing key; production never does',
  }),
  HOST: Type.String({ minLength: 1, default: '127.0.0.1', description: 'Address to listen on' }),
  PORT: Count('Port to listen on; 0 takes a free one', 3000, 0, 65_535),
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
    format: 'uri',
    pattern: '^postgres(ql)?://',
    description: 'PostgreSQL connection string; development starts an embedded server without it',
  }),
  DATABASE_DIRECT_URL: Type.Optional(
    Type.String({
      format: 'uri',
      pattern: '^postgres(ql)?://',
      description:
        'Connection string past a transaction pooler, for migrations and LISTEN; else DATABASE_URL',
    }),
  ),
  DATABASE_POOL_MAX: Count('Most connections that one process opens for queries', 10, 1, 1000),
  DATABASE_CONNECT_TIMEOUT: Duration('Longest wait for a free connection', '2s'),
  DATABASE_STATEMENT_TIMEOUT: Duration('Longest run of one statement', '3s'),
  DATABASE_LOCK_TIMEOUT: Duration('Longest wait for a lock', '2s'),
  DATABASE_IDLE_IN_TRANSACTION_TIMEOUT: Duration('Longest pause inside a transaction', '5s'),
  REDIS_URL: Type.Optional(
    Type.String({
      format: 'uri',
      pattern: '^rediss?://',
      description:
        'Redis that several instances share their rate limits in; without it each instance counts alone',
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
    default: 'plumbline',
    description: 'Issuer (iss) of access tokens',
  }),
  JWT_AUDIENCE: Type.String({
    minLength: 1,
    default: 'plumbline-api',
    description: 'Audience (aud) of access tokens',
  }),
  ACCESS_TOKEN_TTL: Lifetime('Life of an access token', '15m'),
  REFRESH_TOKEN_TTL: Lifetime('Longest pause between two refreshes of a session', '14d'),
  SESSION_TTL: Lifetime('Longest life of a session, however often it is refreshed', '30d'),
  HASH_CONCURRENCY: Count(
    'Password hashes computed at once; at most UV_THREADPOOL_SIZE, 4 unless set, is of use',
    Math.min(availableParallelism() + 1, 4),
    1,
    256,
  ),
  HASH_QUEUE_MAX: Count('Password hashes that may wait for their turn before logins answer 503', 64, 0),
  RATE_LIMIT_MAX: Count('Requests that one client may send in a window', 100),
  RATE_LIMIT_WINDOW: Duration('The window of every rate limit', '1m'),
  LOGIN_RATE_LIMIT_MAX: Count('Logins that one client may try for one account in a window', 10),
  REGISTER_RATE_LIMIT_MAX: Count('Registrations that one client may send in a window', 10),
  CORS_ORIGINS: Type.String({
    default: '',
    pattern: '^(https?://[^,\\s/]+(,\\s*https?://[^,\\s/]+)*)?$',
    description: 'Origins whose pages may call the API, separated by commas',
  }),
  TRUST_PROXY: Type.String({
    default: '',
    format: 'cidr-list',
    description:
      'Addresses or CIDR ranges of the proxies whose X-Forwarded-For is believed, separated by commas',
  }),
  METRICS_TOKEN: Type.Optional(
    Type.String({
      minLength: 16,
      description: 'Bearer token that /metrics asks for; in production there is no /metrics without it',
    }),
  ),
  BODY_LIMIT: Count('Largest request body, in bytes', 65_536, 1024, 104_857_600),
  REQUEST_TIMEOUT: Duration('Longest time in which a client may send a whole request', '10s'),
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
  OTEL_EXPORTER_OTLP_ENDPOINT: Type.Optional(
    Type.String({
      format: 'uri',
      pattern: '^https?://',
      description: 'OTLP/HTTP collector; without it tracing is off',
    }),
  ),
  OTEL_TRACES_SAMPLER_ARG: Type.Number({
    minimum: 0,
    maximum: 1,
    default: 0.1,
    description:
      'Share of traces that are recorded, 0 to 1; the decision of a caller that sends traceparent is kept',
  }),
  OTEL_SERVICE_NAME: Type.String({
    minLength: 1,
    default: 'plumbline',
    description: 'Name of the service in traces',
  }),
  DATA_DIR: Type.String({
    minLength: 1,
    default: '.data',
    description: 'Folder of the embedded PostgreSQL and the development signing key',
  }),
})

export type Environment = Record<string, string | undefined>
type Settings = Static<typeof EnvironmentSchema>

/** The environment does not fit the schema. `problems` has one line for each variable, never a value. */
export class ConfigError extends Error {
  readonly problems: string[]

  constructor(problems: string[]) {
    super(`The configuration is not valid:\n${problems.map(problem => `  - ${problem}`).join('\n')}`)
    this.name = 'ConfigError'
    this.problems = problems
  }
}

/**
 * The process's environment, over the file `.env` where it is not production. A variable set to nothing counts as
 * not set: compose files and `.env` templates write optional variables that way.
 */
export function readEnvironment(file = '.env', own: Environment = process.env): Environment {
  const fromFile =
    own.NODE_ENV !== 'production' && existsSync(file) ? parseEnv(readFileSync(file, 'utf8')) : {}
  const merged = { ...fromFile, ...own }
  return Object.fromEntries(Object.entries(merged).filter(([, value]) => value !== '' && value !== undefined))
}

/**
 * Validates the environment and returns the frozen configuration.
 * Durations are in milliseconds, sizes in bytes, keys are parsed.
 * Throws ConfigError with every problem at once.
 */
export function loadConfig(environment: Environment) {
  const problems: string[] = []
  const settings = validate(EnvironmentSchema, environment, problems)
  const keys = readKeys(environment, problems)
  if (problems.length > 0 || !settings || !keys) throw new ConfigError(problems)
  return deepFreeze(shape(settings, keys))
}

export type Config = ReturnType<typeof loadConfig>

/** The connection strings alone, for the commands that need nothing else. Throws ConfigError. */
export function loadDatabaseUrls(environment: Environment) {
  const problems: string[] = []
  const schema = Type.Pick(EnvironmentSchema, ['DATABASE_URL', 'DATABASE_DIRECT_URL'])
  const settings = validate(schema, environment, problems)
  if (!settings) throw new ConfigError(problems)
  return { url: settings.DATABASE_URL, directUrl: settings.DATABASE_DIRECT_URL ?? settings.DATABASE_URL }
}

function validate<T extends TObject>(
  schema: T,
  environment: Environment,
  problems: string[],
): Static<T> | undefined {
  const ajv = new Ajv({ allErrors: true, coerceTypes: true, useDefaults: true, removeAdditional: true })
  addFormats.default(ajv)
  ajv.addFormat('timer', (duration: string) => milliseconds(duration) <= LONGEST_TIMER_MS)
  ajv.addFormat('cidr-list', (list: string) => splitList(list).every(isAddressOrRange))
  try {
    return envSchema<Static<T>>({
      schema: Type.Object(schema.properties),
      data: environment,
      env: false,
      ajv,
    })
  } catch (error) {
    const found = (error as { errors?: ErrorObject[] }).errors
    if (!found) throw error
    problems.push(...new Set(found.map(describe)))
  }
}

function describe(error: ErrorObject): string {
  const name = error.instancePath.slice(1) || String(error.params.missingProperty)
  const expected = EnvironmentSchema.properties[name as keyof typeof EnvironmentSchema.properties]
  const problem = error.keyword === 'required' ? 'is required' : 'does not fit'
  return `${name} ${problem}: ${expected.description}`
}

function readKeys(environment: Environment, problems: string[]) {
  const privateKey = attempt(() => createPrivateKey(pem(environment.JWT_PRIVATE_KEY ?? '')))
  if (environment.JWT_PRIVATE_KEY !== undefined && !isStrongRsa(privateKey)) {
    problems.push(
      'JWT_PRIVATE_KEY does not fit: it must be an RSA private key of at least 2048 bits, in PEM or a path to it',
    )
  }
  const blocks = attempt(() => publicBlocks(environment.JWT_PUBLIC_KEYS))
  const publicKeys = (blocks ?? []).map(block => attempt(() => createPublicKey(block)))
  if (!blocks || !publicKeys.every(isStrongRsa)) {
    problems.push(
      'JWT_PUBLIC_KEYS does not fit: each must be an RSA public key of at least 2048 bits, in PEM or a path to them',
    )
  }
  return privateKey && { privateKey, publicKeys: publicKeys.filter(isStrongRsa) }
}

function publicBlocks(text: string | undefined): string[] {
  if (text === undefined) return []
  const blocks = pem(text).match(/-----BEGIN PUBLIC KEY-----[^-]+-----END PUBLIC KEY-----/g)
  if (!blocks) throw new Error('no public key')
  return blocks
}

/** A PEM text as it stands, one whose line ends were escaped for a one-line variable, or the contents of a file. */
function pem(value: string): string {
  return value.includes('-----BEGIN') ? value.replaceAll('\\n', '\n') : readFileSync(value, 'utf8')
}

function isStrongRsa(key: KeyObject | undefined): key is KeyObject {
  // RFC 7518 §3.3: RS256 keys of 2048 bits or more.
  return key?.asymmetricKeyType === 'rsa' && (key.asymmetricKeyDetails?.modulusLength ?? 0) >= 2048
}

function attempt<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch {
    // The reason may quote the value; the caller reports the problem by the variable's name.
    return undefined
  }
}

function isAddressOrRange(text: string): boolean {
  return text.includes('/') ? ipaddr.isValidCIDR(text) : ipaddr.isValid(text)
}

function splitList(list: string): string[] {
  return list
    .split(',')
    .map(item => item.trim())
    .filter(Boolean)
}

/** Milliseconds of a duration, NaN where it is none. */
function milliseconds(duration: string): number {
  const [, count, unit] = /^([0-9]+)([a-z]+)$/.exec(duration) ?? []
  return Number(count) * UNITS[unit as keyof typeof UNITS]
}

function shape(settings: Settings, keys: { privateKey: KeyObject; publicKeys: KeyObject[] }) {
  const production = settings.NODE_ENV === 'production'
  return {
    production,
    server: {
      host: settings.HOST,
      port: settings.PORT,
      bodyLimit: settings.BODY_LIMIT,
      requestTimeout: milliseconds(settings.REQUEST_TIMEOUT),
      maxEventLoopDelay: milliseconds(settings.MAX_EVENT_LOOP_DELAY),
      trustProxy: splitList(settings.TRUST_PROXY),
      corsOrigins: splitList(settings.CORS_ORIGINS),
    },
    shutdown: {
      drainDelay:
        settings.DRAIN_DELAY === undefined ? (production ? 5000 : 0) : milliseconds(settings.DRAIN_DELAY),
      timeout: milliseconds(settings.SHUTDOWN_TIMEOUT),
    },
    log: {
      level: settings.LOG_LEVEL,
      format: settings.LOG_FORMAT ?? (settings.NODE_ENV === 'development' ? 'pretty' : 'json'),
    },
    database: {
      url: settings.DATABASE_URL,
      directUrl: settings.DATABASE_DIRECT_URL ?? settings.DATABASE_URL,
      poolMax: settings.DATABASE_POOL_MAX,
      connectTimeout: milliseconds(settings.DATABASE_CONNECT_TIMEOUT),
      statementTimeout: milliseconds(settings.DATABASE_STATEMENT_TIMEOUT),
      lockTimeout: milliseconds(settings.DATABASE_LOCK_TIMEOUT),
      idleInTransactionTimeout: milliseconds(settings.DATABASE_IDLE_IN_TRANSACTION_TIMEOUT),
    },
    redis: { url: settings.REDIS_URL },
    jwt: {
      ...keys,
      issuer: settings.JWT_ISSUER,
      audience: settings.JWT_AUDIENCE,
      accessTokenTtl: milliseconds(settings.ACCESS_TOKEN_TTL),
    },
    sessions: {
      idleTtl: milliseconds(settings.REFRESH_TOKEN_TTL),
      absoluteTtl: milliseconds(settings.SESSION_TTL),
    },
    hashing: { concurrency: settings.HASH_CONCURRENCY, queueMax: settings.HASH_QUEUE_MAX },
    rateLimit: {
      max: settings.RATE_LIMIT_MAX,
      window: milliseconds(settings.RATE_LIMIT_WINDOW),
      loginMax: settings.LOGIN_RATE_LIMIT_MAX,
      registerMax: settings.REGISTER_RATE_LIMIT_MAX,
    },
    metrics: { token: settings.METRICS_TOKEN },
    tracing: {
      endpoint: settings.OTEL_EXPORTER_OTLP_ENDPOINT,
      // Without a collector nothing is recorded, and nobody else should be told that it is.
      ratio: settings.OTEL_EXPORTER_OTLP_ENDPOINT === undefined ? 0 : settings.OTEL_TRACES_SAMPLER_ARG,
      serviceName: settings.OTEL_SERVICE_NAME,
    },
  }
}

/** Freezes plain objects and arrays all the way down; keys are objects of their own kind, and stay as they are. */
function deepFreeze<T extends object>(value: T): Readonly<T> {
  for (const inner of Object.values(value)) {
    if (Array.isArray(inner) || inner?.constructor === Object) deepFreeze(inner)
  }
  return Object.freeze(value)
}
