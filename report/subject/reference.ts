/** Starts this repository's service, in this version or another, as in production: migrated, with its own key. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import { RunError } from '../../harness/errors.ts'
import { productionEnvironment, runServiceCommand, SERVER, startService } from '../../harness/service.ts'
import { SERVICE_ID } from '../../src/config/service-name.ts'
import { messageOf } from '../errors.ts'
import { startObserved } from './process.ts'
import { secretsOf } from './secrets.ts'
import type { EnvironmentSchema, Subject } from './subject.ts'

/** The modules that export the config schema, in this version and in older ones. */
const CONFIG_MODULES = ['src/app.ts', 'src/config/schema.ts', 'src/config/config.ts']
const ALLOWED_ORIGIN = 'https://app.report.test'

export type ReferenceOptions = {
  root: string
  /** The URL of a migrated database. */
  databaseUrl: string
  /** Overrides the settings of the report. */
  environment?: NodeJS.ProcessEnv
  /** Modules to load before the service, as `node --import` accepts them. */
  imports?: readonly string[]
  signal?: AbortSignal
}

/** Applies the migrations with the command of that version. Throws a RunError with its output. */
export async function migrateReference(root: string, databaseUrl: string): Promise<void> {
  await runServiceCommand('db-migrate', [], { root, databaseUrl }).catch((error: unknown) => {
    throw new RunError(`the migrations cannot be applied: ${messageOf(error)}`)
  })
}

/** Starts the service on a migrated database. Its limits are those of production, except the request timeout. */
export async function startReference(options: ReferenceOptions): Promise<Subject> {
  const { root, databaseUrl, environment = {}, imports = [], signal } = options
  const settings: NodeJS.ProcessEnv = {
    ...productionEnvironment(databaseUrl),
    CORS_ORIGINS: ALLOWED_ORIGIN,
    // The check of slow requests waits for it. The default in production is longer.
    REQUEST_TIMEOUT: '2s',
    ...environment,
  }
  const args = [...imports.flatMap(module => ['--import', module]), SERVER]
  const service = await startObserved({ root, args, environment: settings, signal })
  const pool = openPool(databaseUrl)
  return {
    root,
    module: SERVER,
    origin: service.origin,
    allowsWrites: true,
    trace: service.trace,
    tables: service.tables,
    stall: service.stall,
    log: () => service.log,
    observation: await service.observation(),
    observe: service.observation,
    internals: {
      databaseUrl,
      query: pool.query.bind(pool) as typeof pool.query,
      signingKey: settings.JWT_PRIVATE_KEY ?? '',
      metricsToken: settings.METRICS_TOKEN ?? '',
      allowedOrigin: (settings.CORS_ORIGINS ?? '').split(',')[0] ?? '',
      environmentSchema: await readEnvironmentSchema(root, service.exported),
      startBeside: () => startService({ root, preloads: imports, environment: settings, onOutput, signal }),
    },
    secrets: secretsOf(settings),
    async stop() {
      await pool.end()
      await service.stop()
    },
  }
}

/** The log of another instance is not read. Without a reader its output would fill a pipe. */
function onOutput(): void {}

type ReadExport = (module: string, name: string) => Promise<unknown>

async function readEnvironmentSchema(root: string, exported: ReadExport) {
  const modules = CONFIG_MODULES.map(module => join(root, module)).filter(existsSync)
  const schemas = await Promise.all(modules.map(module => exported(module, 'EnvironmentSchema')))
  return (schemas.find(schema => schema !== null) ?? undefined) as EnvironmentSchema | undefined
}

/** Connections of the report's own, beside those of the service. */
function openPool(connectionString: string): pg.Pool {
  const pool = new pg.Pool({ connectionString, max: 3, application_name: `${SERVICE_ID}-report` })
  pool.on('error', () => {
    // The server of a run ends before its last connection is closed.
  })
  return pool
}
