/** The service as production runs it, with a database that its own commands have made. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { productionEnvironment, RAISED_LIMITS, runServiceCommand, SERVER } from '../../harness/service.ts'
import { readMetrics } from './metrics.ts'
import { type MeasuredProcess, startMeasuredProcess } from './process.ts'

/** The first of the seeded users; the bench makes an admin of it. */
export const ADMIN_EMAIL = 'user000001@example.com'

export type MeasuredServiceOptions = {
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
  signal: AbortSignal
}

/**
 * Migrates and seeds the version's own database with the version's own commands: that many users, and one of them an
 * admin. Throws a RunError with what they wrote.
 */
export async function prepareDatabase(
  root: string,
  databaseUrl: string,
  users: number,
  signal: AbortSignal,
): Promise<void> {
  const options = { root, databaseUrl, signal }
  await runServiceCommand('db-migrate', [], options)
  await runServiceCommand('db-seed', ['--users', String(users + 1), ...(await consentOf(root))], options)
  await runServiceCommand('user-admin', [ADMIN_EMAIL], options)
}

/** Returns what the version's seed asks for where the database is not its own embedded one; at first it asked nothing. */
async function consentOf(root: string): Promise<string[]> {
  const source = await readFile(join(root, 'src/commands/db-seed.ts'), 'utf8')
  return source.includes('--yes') ? ['--yes'] : []
}

/** Returns the service once it is ready. Throws a RunError with its last output where it does not start. */
export async function startMeasuredService(options: MeasuredServiceOptions): Promise<MeasuredProcess> {
  const environment = { ...measuredEnvironment(options), ...options.environment }
  const preloads = (options.preloads ?? []).flatMap(url => ['--import', url])
  const service = await startMeasuredProcess({
    name: 'the service',
    cwd: options.root,
    readyPath: '/health/ready',
    args: [...preloads, SERVER],
    environment,
    burnUs: options.burnUs,
    signal: options.signal,
  })
  return {
    ...service,
    read: async () => {
      const [counters, metrics] = await Promise.all([
        service.read(),
        readMetrics(service.origin, environment.METRICS_TOKEN),
      ])
      return { ...counters, ...metrics }
    },
  }
}

/** Returns the settings that all measured servers share: production, its features on, limits out of the way. */
export function measuredEnvironment({
  databaseUrl,
  traces,
  privateKey,
}: Pick<MeasuredServiceOptions, 'databaseUrl' | 'traces' | 'privateKey'>) {
  return {
    ...productionEnvironment(databaseUrl),
    ...(privateKey !== undefined && { JWT_PRIVATE_KEY: privateKey }),
    OTEL_EXPORTER_OTLP_ENDPOINT: traces,
    ...RAISED_LIMITS,
  }
}
