/** The service as production runs it, and the commands that prepare its database. */
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { promisify } from 'node:util'
import { inheritedEnvironment } from './environment.ts'
import { RunError } from './errors.ts'
import { type ProcessOptions, type RunningProcess, startProcess } from './process.ts'
import { createSigningKey } from './signing-key.ts'

/** The process's entry, in every version of the service. */
export const SERVER = 'src/server.ts'

export type Command = 'db-migrate' | 'db-seed' | 'user-admin'

/**
 * Runs a command of the checkout at `root` on a database; `user-admin` and `db-seed` work in development only. Throws a
 * RunError with what it wrote.
 */
export async function runServiceCommand(
  command: Command,
  args: readonly string[],
  { root, databaseUrl, signal }: { root: string; databaseUrl: string; signal?: AbortSignal | undefined },
): Promise<void> {
  const script = `src/commands/${command}.ts`
  const env = { ...inheritedEnvironment(), NODE_ENV: 'development', DATABASE_URL: databaseUrl }
  await promisify(execFile)(process.execPath, [script, ...args], { cwd: root, env, signal }).catch(
    (error: Error & { stderr?: string }) => {
      if (signal?.aborted) throw new RunError('interrupted')
      throw new RunError(`${script} failed: ${error.stderr?.trim() || error.message}`)
    },
  )
}

/** Returns settings for production: a database, a signing key and a metrics token for one run, and no delays at the end. */
export function productionEnvironment(databaseUrl: string) {
  return {
    NODE_ENV: 'production',
    HOST: '127.0.0.1',
    PORT: '0',
    DATABASE_URL: databaseUrl,
    JWT_PRIVATE_KEY: createSigningKey().privateKey,
    METRICS_TOKEN: randomBytes(24).toString('base64url'),
    // No load balancer has to notice first that it stops.
    DRAIN_DELAY: '0s',
  }
}

/**
 * Settings that let one client load the service without meeting its limits, with tokens that outlive a long run.
 * 1,000,000 is the highest number that the settings allow: in a window of a minute a fast machine gets there, in one of
 * 10 s it would take 100,000 requests a second.
 */
export const RAISED_LIMITS = {
  RATE_LIMIT_MAX: '1000000',
  LOGIN_RATE_LIMIT_MAX: '1000000',
  RATE_LIMIT_WINDOW: '10s',
  ACCESS_TOKEN_TTL: '12h',
  SESSIONS_PER_USER_MAX: '1000',
}

export type ServiceOptions = Omit<ProcessOptions, 'name' | 'args' | 'cwd'> & {
  /** The checkout to run. */
  root: string
  /** URLs or paths of modules that are loaded before it. */
  preloads?: readonly string[] | undefined
  /** Flags of Node.js. */
  nodeFlags?: readonly string[] | undefined
}

/** Returns the service once it is ready. Throws a RunError with its last output where it does not start. */
export function startService({
  root,
  preloads = [],
  nodeFlags = [],
  ...options
}: ServiceOptions): Promise<RunningProcess> {
  const imports = preloads.flatMap(module => ['--import', module])
  return startProcess({
    ...options,
    name: 'the service',
    cwd: root,
    args: [...nodeFlags, ...imports, SERVER],
  })
}
