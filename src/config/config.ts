/** The configuration: reads the environment, as the only file that does, validates it, and freezes the result. */
import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { parseEnv } from 'node:util'
import { type Static, type TObject, type TSchema, Type } from '@sinclair/typebox'
import { Ajv, type ErrorObject } from 'ajv'
import addFormats from 'ajv-formats'
import envSchema from 'env-schema'
import ipaddr from 'ipaddr.js'
import { postgresUrlProblem, SSL_MODES, uselessParameters } from '../lib/connection-url.ts'
import { UserFacingError } from '../lib/user-facing-error.ts'
import { brokenRule, urlFormats } from './rules.ts'
import { CoreSchema, environmentSchemaOf, type ModuleSettings } from './schema.ts'
import { telemetryProblems, toTracing, unknownTelemetry } from './telemetry.ts'
import { telemetryFormats } from './telemetry-schema.ts'
import { saysTls, tlsProblem, tlsWarning, withPlainMode } from './tls.ts'

/** The settings that are connection strings of PostgreSQL. */
const DATABASE_URLS = ['DATABASE_URL', 'DATABASE_DIRECT_URL'] as const

/** Milliseconds of each unit. */
const UNITS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** The longest time of a timer of Node.js, and of a timeout of PostgreSQL: 24.8 days. */
const LONGEST_TIMER_MS = 2 ** 31 - 1

export type Environment = Record<string, string | undefined>
type Settings = Static<typeof CoreSchema>

/** A setting is missing or invalid. `problems` has one line for each variable, never a value. */
export class ConfigError extends UserFacingError {
  override readonly name = 'ConfigError'
  readonly problems: string[]

  constructor(problems: string[]) {
    super(`The configuration is not valid:\n${problems.map(problem => `  - ${problem}`).join('\n')}`)
    this.problems = problems
  }
}

/**
 * Returns the process's environment, over the file `.env` outside production. An empty variable counts as not set: compose
 * files and `.env` templates write optional variables like that.
 */
export function readEnvironment(file = '.env', own: Environment = process.env): Environment {
  const fromFile = !isProduction(own) && existsSync(file) ? parseEnv(readFileSync(file, 'utf8')) : {}
  const merged = { ...fromFile, ...own }
  return Object.fromEntries(Object.entries(merged).filter(([, value]) => value !== '' && value !== undefined))
}

/** Returns whether this is production, where nothing is generated. An unknown NODE_ENV counts as production. */
export function isProduction({ NODE_ENV: name }: Environment): boolean {
  return name !== undefined && name !== '' && name !== 'development' && name !== 'test'
}

/** Returns the folder of the embedded PostgreSQL and the development signing key. */
export function dataDirectory({ DATA_DIR }: Environment): string {
  return DATA_DIR ?? CoreSchema.properties.DATA_DIR.default
}

/**
 * Validates the environment and returns the frozen configuration; `modules` may add variables of their own.
 * Durations are in milliseconds, sizes in bytes, keys are parsed.
 * Throws ConfigError with every problem at once.
 */
export function loadConfig(environment: Environment, modules: readonly ModuleSettings[]) {
  const problems: string[] = []
  const settings = validate(environmentSchemaOf(modules), environment, problems) as Settings | undefined
  const keys = readKeys(environment, problems)
  problems.push(...telemetryProblems(environment))
  if (problems.length > 0 || !settings || !keys) throw new ConfigError(problems)
  return deepFreeze({
    ...toConfig(settings, keys, environment),
    modules: settingsOf(modules, settings),
    warnings: warningsOf(settings, environment),
  })
}

export type Config = ReturnType<typeof loadConfig>

/** Returns the settings of each module, by its name. */
function settingsOf(modules: readonly ModuleSettings[], values: Record<string, unknown>) {
  return Object.fromEntries(
    modules.map(({ name, settings }): [string, Record<string, unknown>] => [
      name,
      Object.fromEntries(Object.keys(settings?.properties ?? {}).map(key => [key, values[key]])),
    ]),
  )
}

/** Returns the connection strings, for commands that need no other setting. Throws ConfigError. */
export function loadDatabaseUrls(environment: Environment) {
  const problems: string[] = []
  const schema = Type.Pick(CoreSchema, ['DATABASE_URL', 'DATABASE_DIRECT_URL'])
  const settings = validate(schema, environment, problems)
  if (problems.length > 0 || !settings) throw new ConfigError(problems)
  return databaseUrls(settings)
}

function databaseUrls(settings: Pick<Settings, 'DATABASE_URL' | 'DATABASE_DIRECT_URL'>) {
  const url = withPlainMode(settings.DATABASE_URL)
  const { DATABASE_DIRECT_URL: direct } = settings
  return { url, directUrl: direct === undefined ? url : withPlainMode(direct) }
}

/** Returns the warnings: about settings that are no errors, and that a person should know. */
function warningsOf(settings: Settings, environment: Environment): string[] {
  const unknown = unknownTelemetry(environment).map(
    name =>
      `${name} does nothing: OpenTelemetry's SDK has no such variable, or this service does not know it`,
  )
  const useless = DATABASE_URLS.flatMap(name => {
    const parameters = uselessParameters(settings[name] ?? '')
    return parameters.length === 0 ? [] : `${name} has parameters that do nothing: ${parameters.join(', ')}`
  })
  if (settings.NODE_ENV !== 'production') return [...unknown, ...useless]
  const plaintext = DATABASE_URLS.flatMap(name => {
    const url = settings[name]
    return (url !== undefined && tlsWarning(name, url, environment)) || []
  })
  return [...unknown, ...useless, ...plaintext]
}

/** Returns the settings of the migration commands, in milliseconds. Throws ConfigError. */
export function loadMigrationSettings(environment: Environment) {
  const problems: string[] = []
  const schema = Type.Pick(CoreSchema, ['MIGRATION_LOCK_TIMEOUT'])
  const settings = validate(schema, environment, problems)
  if (!settings) throw new ConfigError(problems)
  return { lockTimeout: settings.MIGRATION_LOCK_TIMEOUT }
}

function validate<T extends TObject>(
  schema: T,
  environment: Environment,
  problems: string[],
): Static<T> | undefined {
  const ajv = new Ajv({
    allErrors: true,
    coerceTypes: true,
    useDefaults: true,
    removeAdditional: true,
    // A setting's rule in words, for messages, and whether it is a duration.
    keywords: ['rule', 'isDuration'],
    // TypeBox makes valid schemas; to validate this one as well takes 25 ms of every start.
    validateSchema: false,
  })
  addFormats.default(ajv)
  ajv.addFormat('timer', (duration: string) => milliseconds(duration) <= LONGEST_TIMER_MS)
  ajv.addFormat('cidr-list', (list: string) => splitList(list).every(isAddressOrRange))
  for (const [name, isValid] of [...urlFormats, ...telemetryFormats]) ajv.addFormat(name, isValid)
  problems.push(...tlsProblems(environment), ...sslModeProblems(environment))
  try {
    const values = envSchema<Record<string, unknown>>({
      schema: Type.Object(schema.properties),
      data: environment,
      env: false,
      ajv,
    })
    return inMilliseconds(schema, values) as Static<T>
  } catch (error) {
    const found = (error as { errors?: ErrorObject[] }).errors
    if (!found) throw error
    problems.push(...new Set(found.map(problem => describe(problem, schema, environment))))
  }
}

/** Returns the values with each duration as a number. */
function inMilliseconds({ properties }: TObject, values: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [
      name,
      typeof value === 'string' && properties[name]?.isDuration === true ? milliseconds(value) : value,
    ]),
  )
}

function describe(error: ErrorObject, { properties }: TObject, environment: Environment): string {
  const name = error.instancePath.slice(1) || String(error.params.missingProperty)
  const schema = properties[name] as TSchema
  const problem = error.keyword === 'required' ? 'is required' : brokenRule(schema, environment[name] ?? '')
  return `${name} ${problem}: ${schema.description}`
}

/** Returns the problems of the files that valid connection strings name. */
function tlsProblems(environment: Environment): string[] {
  return DATABASE_URLS.flatMap(name => {
    const url = environment[name]
    if (url === undefined || postgresUrlProblem(url) !== undefined) return []
    const problem = tlsProblem(url)
    return problem === undefined ? [] : `${name} ${problem}`
  })
}

/** Returns a problem where PGSSLMODE decides the mode and is unknown: node-postgres would use no TLS then. */
function sslModeProblems(environment: Environment): string[] {
  const { PGSSLMODE: mode } = environment
  const counts = DATABASE_URLS.some(name => environment[name] !== undefined && !saysTls(environment[name]))
  if (mode === undefined || SSL_MODES.includes(mode) || !counts) return []
  return [`PGSSLMODE must be one of ${SSL_MODES.join(', ')}`]
}

function readKeys(environment: Environment, problems: string[]) {
  const privateKey = attempt(() => createPrivateKey(pem(environment.JWT_PRIVATE_KEY ?? '')))
  if (environment.JWT_PRIVATE_KEY !== undefined && !isStrongRsa(privateKey)) {
    problems.push(
      'JWT_PRIVATE_KEY must be an RSA private key of at least 2048 bits: PEM, or the path of a PEM file',
    )
  }
  const blocks = attempt(() => publicBlocks(environment.JWT_PUBLIC_KEYS))
  const publicKeys = (blocks ?? []).map(block => attempt(() => createPublicKey(block)))
  if (!blocks || !publicKeys.every(isStrongRsa)) {
    problems.push(
      'JWT_PUBLIC_KEYS must be RSA public keys of at least 2048 bits each: PEM blocks, or the path of a file of them',
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

/** Returns a PEM text. The value is the text, with line ends or with `\n`, or the path of a file. */
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
    // The error may quote the value: the caller reports the name of the variable.
    return undefined
  }
}

function isAddressOrRange(text: string): boolean {
  // ipaddr.js also accepts the forms of inet_aton(3): 10 for 0.0.0.10, 010.0.0.1 for 8.0.0.1.
  if (isIP(text.split('/', 1)[0] ?? '') === 0) return false
  return text.includes('/') ? ipaddr.isValidCIDR(text) : ipaddr.isValid(text)
}

function splitList(list: string): string[] {
  return list
    .split(',')
    .map(item => item.trim())
    .filter(Boolean)
}

/** Returns the milliseconds of a duration; NaN where it is none. */
function milliseconds(duration: string): number {
  const [, count, unit] = /^([0-9]+)([a-z]+)$/.exec(duration) ?? []
  return Number(count) * UNITS[unit as keyof typeof UNITS]
}

function toConfig(
  settings: Settings,
  keys: { privateKey: KeyObject; publicKeys: KeyObject[] },
  environment: Environment,
) {
  const production = settings.NODE_ENV === 'production'
  return {
    production,
    workers: settings.WORKERS,
    server: {
      host: settings.HOST,
      port: settings.PORT,
      bodyLimit: settings.BODY_LIMIT,
      requestTimeout: settings.REQUEST_TIMEOUT,
      sendTimeout: settings.SEND_TIMEOUT,
      keepAliveTimeout: settings.KEEP_ALIVE_TIMEOUT,
      maxConnections: settings.MAX_CONNECTIONS,
      maxEventLoopDelay: settings.MAX_EVENT_LOOP_DELAY,
      trustProxy: splitList(settings.TRUST_PROXY),
      corsOrigins: splitList(settings.CORS_ORIGINS),
      hasDocs: settings.DOCS === 'on',
    },
    shutdown: {
      drainDelay: settings.DRAIN_DELAY ?? (production ? 5000 : 0),
      timeout: settings.SHUTDOWN_TIMEOUT,
    },
    log: {
      level: settings.LOG_LEVEL,
      format: settings.LOG_FORMAT ?? (settings.NODE_ENV === 'development' ? 'pretty' : 'json'),
    },
    database: {
      ...databaseUrls(settings),
      poolMax: settings.DATABASE_POOL_MAX,
      connectTimeout: settings.DATABASE_CONNECT_TIMEOUT,
      statementTimeout: settings.DATABASE_STATEMENT_TIMEOUT,
      lockTimeout: settings.DATABASE_LOCK_TIMEOUT,
      idleInTransactionTimeout: settings.DATABASE_IDLE_IN_TRANSACTION_TIMEOUT,
    },
    migrations: { lockTimeout: settings.MIGRATION_LOCK_TIMEOUT },
    redis: { url: settings.REDIS_URL },
    jwt: {
      ...keys,
      issuer: settings.JWT_ISSUER,
      audience: settings.JWT_AUDIENCE,
      accessTokenTtl: settings.ACCESS_TOKEN_TTL,
    },
    rateLimit: {
      max: settings.RATE_LIMIT_MAX,
      window: settings.RATE_LIMIT_WINDOW,
      loginMax: settings.LOGIN_RATE_LIMIT_MAX,
    },
    metrics: { token: settings.METRICS_TOKEN },
    tracing: toTracing(settings, environment),
  }
}

/** Freezes plain objects and arrays at every level. Keys are objects of another kind, and are not frozen. */
function deepFreeze<T extends object>(value: T): Readonly<T> {
  for (const inner of Object.values(value)) {
    if (Array.isArray(inner) || inner?.constructor === Object) deepFreeze(inner)
  }
  return Object.freeze(value)
}
