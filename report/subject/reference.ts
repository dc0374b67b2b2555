/** Starts a service of this repository, this version or another, as production does: migrated, with a key of its own. */
import { execFile } from 'node:child_process'
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { messageOf, ReportError } from '../errors.ts'
import { openConnections } from './database.ts'
import { startObserved } from './process.ts'
import type { EnvironmentSchema, Subject } from './subject.ts'

export const REFERENCE_MODULE = 'src/server.ts'
/** Where versions of this service keep the schema of their environment. */
const CONFIG_MODULES = ['src/app.ts', 'src/config/schema.ts', 'src/config/config.ts']
const ALLOWED_ORIGIN = 'https://app.report.test'

export type ReferenceOptions = {
  root: string
  /** An empty or a migrated database. */
  databaseUrl: string
  /** Over what the report sets. */
  environment?: NodeJS.ProcessEnv
  /** Modules to load before the service, as `node --import` takes them. */
  imports?: readonly string[]
  signal?: AbortSignal
}

/** Applies the migrations with the version's own command. Throws ReportError with its words. */
export async function migrateReference(root: string, databaseUrl: string): Promise<void> {
  const env = { ...inheritedEnvironment(), DATABASE_URL: databaseUrl, NODE_ENV: 'production' }
  await promisify(execFile)(process.execPath, ['src/commands/db-migrate.ts'], { cwd: root, env }).catch(
    (error: Error & { stderr?: string }) => {
      throw new ReportError(`the migrations cannot be applied: ${error.stderr?.trim() || messageOf(error)}`)
    },
  )
}

/** Starts the service on a migrated database. Its limits are those of production, but for the time of a request. */
export async function startReference(options: ReferenceOptions): Promise<Subject> {
  const { root, databaseUrl, environment = {}, imports = [], signal } = options
  const made = makeEnvironment(databaseUrl)
  const own = { ...made, ...environment }
  const service = await startObserved({
    root,
    args: [...imports.flatMap(module => ['--import', module]), REFERENCE_MODULE],
    environment: { ...inheritedEnvironment(), ...own },
    ...(signal && { signal }),
  })
  const modules = CONFIG_MODULES.map(module => join(root, module)).filter(existsSync)
  const schemas = await Promise.all(modules.map(module => service.exported(module, 'EnvironmentSchema')))
  const environmentSchema = (schemas.find(schema => schema !== null) ?? undefined) as
    | EnvironmentSchema
    | undefined
  const pool = openConnections(databaseUrl)
  return {
    ...{
      root,
      module: REFERENCE_MODULE,
      origin: service.origin,
      trace: service.trace,
      stall: service.stall,
      log: () => service.log,
    },
    observation: await service.observation(),
    observe: service.observation,
    internals: {
      databaseUrl,
      query: pool.query.bind(pool) as typeof pool.query,
      signingKey: own.JWT_PRIVATE_KEY ?? '',
      metricsToken: own.METRICS_TOKEN ?? '',
      allowedOrigin: (own.CORS_ORIGINS ?? '').split(',')[0] ?? '',
      environmentSchema,
    },
    secrets: valuesOf(own),
    async stop() {
      await pool.end()
      await service.stop()
    },
  }
}

/** What a process of the service gets of ours; its settings are none of it. */
function inheritedEnvironment(): NodeJS.ProcessEnv {
  const { PATH, NODE_COMPILE_CACHE } = process.env
  return { PATH, NODE_COMPILE_CACHE }
}

function makeEnvironment(databaseUrl: string): NodeJS.ProcessEnv {
  const { privateKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  })
  return {
    NODE_ENV: 'production',
    HOST: '127.0.0.1',
    PORT: '0',
    DATABASE_URL: databaseUrl,
    JWT_PRIVATE_KEY: privateKey,
    METRICS_TOKEN: randomBytes(24).toString('base64url'),
    CORS_ORIGINS: ALLOWED_ORIGIN,
    DRAIN_DELAY: '0s',
    // So that the probe of a slow body need not wait for as long as production would.
    REQUEST_TIMEOUT: '2s',
  }
}

/** Short values say nothing by themselves, and stand in other words by chance. */
const SHORTEST_SECRET = 8

/** The values of an environment, and the parts of addresses that are secret by themselves. */
export function valuesOf(environment: NodeJS.ProcessEnv): string[] {
  const values = Object.values(environment).filter(value => value !== undefined)
  const passwords = values.flatMap(value => {
    const password = URL.parse(value)?.password
    return password ? [password, decodeURIComponent(password)] : []
  })
  const lines = values.flatMap(value => (value.includes('\n') ? value.split('\n') : []))
  const plain = ['127.0.0.1', 'production']
  return [...values, ...passwords, ...lines].filter(
    value => value.length >= SHORTEST_SECRET && !plain.includes(value) && !value.startsWith('-----'),
  )
}
