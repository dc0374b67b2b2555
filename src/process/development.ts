/** Provides a PostgreSQL server and a signing key in development. Production never loads this file. */
import { generateKeyPairSync } from 'node:crypto'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Config, dataDirectory, type Environment } from '../config/config.ts'
import type { EmbeddedPostgres } from '../db/embedded.ts'
import { UserFacingError } from '../lib/user-facing-error.ts'

/** The database's address while the rest of the environment is checked. */
export const DATABASE_PLACEHOLDER = 'postgres://127.0.0.1/placeholder?sslmode=disable'

/** Returns the environment with a signing key. It is kept in the data folder, so that tokens outlive a restart. */
export function provideSigningKey(environment: Environment): Environment {
  if (environment.JWT_PRIVATE_KEY !== undefined) return environment
  const directory = dataDirectory(environment)
  const file = join(directory, 'jwt-private-key.pem')
  if (!existsSync(file)) {
    // 0711: the database's user, where it is another one, has to reach its folder inside.
    mkdirSync(directory, { recursive: true, mode: 0o711 })
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
    writeFileSync(file, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600, flag: 'wx' })
  }
  return { ...environment, JWT_PRIVATE_KEY: file }
}

/** Starts the PostgreSQL server of the data folder. Throws UserFacingError. */
export async function startDatabase(environment: Environment): Promise<EmbeddedPostgres> {
  const { selfContained, startEmbeddedPostgres } = await import('../db/embedded.ts')
  try {
    const server = await startEmbeddedPostgres({ directory: join(dataDirectory(environment), 'postgres') })
    return { ...server, url: selfContained(server.url) }
  } catch (cause) {
    throw new UserFacingError(cause instanceof Error ? cause.message : String(cause), { cause })
  }
}

/**
 * Applies the migrations at start. A database of a newer version is accepted: a change of branch leaves one. Throws
 * UserFacingError; for the embedded database, its message also says how to start with an empty one.
 */
export async function migrateForDevelopment(
  { database, migrations }: Pick<Config, 'database' | 'migrations'>,
  environment: Environment,
): Promise<void> {
  const [{ migrate }, { adviseDevelopment }] = await Promise.all([
    import('../db/migrate.ts'),
    import('../db/migration-plan.ts'),
  ])
  const onProgress = (line: string) => void process.stderr.write(`${line}\n`)
  await migrate(database.directUrl, { ...migrations, allowNewer: true, onProgress }).catch(error => {
    const isEmbedded = environment.DATABASE_URL === undefined
    throw isEmbedded ? adviseDevelopment(error, dataDirectory(environment)) : error
  })
}
