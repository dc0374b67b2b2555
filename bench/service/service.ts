/** The service as production runs it, with a database that its own commands have made. */
import { execFile } from 'node:child_process'
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { RunError } from '../errors.ts'
import { readMetrics } from './metrics.ts'
import { type MeasuredProcess, startProcess } from './process.ts'

/**
 * What the bench raises so that it measures the service and not its limiter, and so that the tokens of its sessions
 * outlive a long comparison. Every result says so. 1,000,000 is the highest number that the settings allow: in a window of
 * a minute a fast machine gets there, in one of 10 s it would take 100,000 requests a second.
 */
export const raisedLimits = {
  RATE_LIMIT_MAX: '1000000',
  LOGIN_RATE_LIMIT_MAX: '1000000',
  RATE_LIMIT_WINDOW: '10s',
  ACCESS_TOKEN_TTL: '12h',
  SESSIONS_PER_USER_MAX: '1000',
}

/** The first of the seeded users; the bench makes an admin of it. */
export const adminEmail = 'user000001@example.com'

export interface ServiceOptions {
  /** The checkout to run. */
  root: string
  databaseUrl: string
  /** Where traces go. */
  traces: string
  /** PEM that signs tokens; a fresh one unless given. */
  privateKey?: string
  /** Settings that differ from the others' of the run. */
  environment?: Record<string, string> | undefined
  /** URLs of modules that are loaded before it. */
  preloads?: readonly string[] | undefined
  burnUs?: number | undefined
  /** Told each line of its log. */
  onOutput?: (line: string) => void
  signal: AbortSignal
}

/**
 * Migrates and seeds the version's own database, with the version's own commands: so many users, and one who becomes an
 * admin. Throws a RunError with their words.
 */
export async function prepareDatabase(
  root: string,
  databaseUrl: string,
  users: number,
  signal: AbortSignal,
): Promise<void> {
  const env = { ...process.env, NODE_ENV: 'development', DATABASE_URL: databaseUrl }
  for (const args of [
    ['src/commands/db-migrate.ts'],
    ['src/commands/db-seed.ts', '--users', String(users + 1), ...(await consentOf(root))],
    ['src/commands/user-admin.ts', adminEmail],
  ]) {
    await promisify(execFile)(process.execPath, args, { cwd: root, env, signal }).catch(
      (error: Error & { stderr?: string }) => {
        throw new RunError(`${args[0]} failed: ${error.stderr?.trim() || error.message}`)
      },
    )
  }
}

/** Returns what the version's seed asks for where the database is not its own embedded one; at first it asked nothing. */
async function consentOf(root: string): Promise<string[]> {
  const source = await readFile(join(root, 'src/commands/db-seed.ts'), 'utf8')
  return source.includes('--yes') ? ['--yes'] : []
}

/** Returns the service once it is ready. Throws a RunError with the last lines it said when it does not get there. */
export async function startService(options: ServiceOptions): Promise<MeasuredProcess> {
  const metricsToken = randomBytes(24).toString('base64url')
  const preloads = (options.preloads ?? []).flatMap(url => ['--import', url])
  const service = await startProcess({
    ...{ name: 'the service', cwd: options.root, readyPath: '/health/ready' },
    args: [...preloads, 'src/server.ts'],
    environment: {
      ...productionEnvironment(options),
      METRICS_TOKEN: metricsToken,
      // Nobody routes traffic here that would have to be moved elsewhere first.
      DRAIN_DELAY: '0s',
      ...options.environment,
    },
    ...(options.onOutput && { onOutput: options.onOutput }),
    ...{ burnUs: options.burnUs, signal: options.signal },
  })
  return {
    ...service,
    read: async () => {
      const [counters, metrics] = await Promise.all([
        service.read(),
        readMetrics(service.origin, metricsToken),
      ])
      return { ...counters, ...metrics }
    },
  }
}

/** Returns the settings that all measured servers share: production, its features on, limits out of the way. */
export function productionEnvironment({
  databaseUrl,
  traces,
  privateKey = createSigningKey(),
}: Pick<ServiceOptions, 'databaseUrl' | 'traces' | 'privateKey'>): Record<string, string> {
  return {
    NODE_ENV: 'production',
    DATABASE_URL: databaseUrl,
    JWT_PRIVATE_KEY: privateKey,
    OTEL_EXPORTER_OTLP_ENDPOINT: traces,
    ...raisedLimits,
  }
}

/** Returns a fresh RSA key as PEM, of the size that most services use. */
export function createSigningKey(): string {
  const { privateKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  })
  return privateKey
}
