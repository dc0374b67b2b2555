/** Runs a command on its database: that of DATABASE_URL, or the embedded one of development, running or not. */
import { join } from 'node:path'
import { type ParseArgsConfig, parseArgs } from 'node:util'
import pg from 'pg'
import { dataDirectory, isProduction, loadDatabaseUrls, readEnvironment } from '../config/config.ts'
import type { Database } from '../db/client.ts'
import { explainConnectionFailure, isConnectionFailure } from '../db/connection-failure.ts'
import { preferCommonJsDrizzle } from '../db/drizzle-commonjs.ts'
import { explain, UserFacingError } from '../lib/user-facing-error.ts'

/** Runs a command. Prints an error, in one line where the user can correct it, and sets the exit code to 1. */
export async function runCommand(work: () => Promise<void>): Promise<void> {
  try {
    // For the modules that the command loads later.
    preferCommonJsDrizzle()
    await work()
  } catch (error) {
    process.stderr.write(`${explain(error)}\n`)
    process.exitCode = 1
  }
}

/** Returns the command's options and arguments. Throws UserFacingError where one is unknown. */
export function readArguments<T extends ParseArgsConfig>(config: T) {
  try {
    return parseArgs(config)
  } catch (error) {
    throw new UserFacingError((error as Error).message)
  }
}

/**
 * Runs `work` with the address of the database. An embedded server that a running service owns is used with it; otherwise
 * one is started, and stopped afterwards.
 */
export async function withDatabaseUrl(work: (connectionString: string) => Promise<void>): Promise<void> {
  const environment = readEnvironment()
  const isEmbedded = environment.DATABASE_URL === undefined && !isProduction(environment)
  if (isEmbedded) await withEmbedded(dataDirectory(environment), work)
  else await work(loadDatabaseUrls(environment).directUrl)
}

/** Runs `work` with a connection to the database. Its limits are longer than those of requests. */
export async function withDatabase(work: (database: Database) => Promise<void>): Promise<void> {
  const { createDatabase, databaseErrorOf } = await import('../db/client.ts')
  await withDatabaseUrl(async url => {
    const minute = 60_000
    const limits = {
      connectTimeout: 5000,
      statementTimeout: minute,
      lockTimeout: minute,
      idleInTransactionTimeout: minute,
    }
    const database = createDatabase({ url, poolMax: 1, ...limits })
    try {
      await work(database)
    } catch (error) {
      throw plainly(databaseErrorOf(error))
    } finally {
      await database.close()
    }
  })
}

/** SQLSTATEs of objects that are missing, or are of another kind (PostgreSQL, appendix A). */
const MISSING = new Set(['42P01', '42703', '42704', '3F000'])

/** SQLSTATEs of what the role, the server or a limit does not allow. Others are faults of the statement. */
const NOT_ALLOWED = /^(25006|42501|53|54|55|57|58)/

/** Returns the error, as one line where the user can correct it. */
function plainly(cause: unknown): unknown {
  if (isConnectionFailure(cause))
    return new UserFacingError(`Cannot connect to the database: ${explainConnectionFailure(cause)}`, {
      cause,
    })
  if (!(cause instanceof pg.DatabaseError)) return cause
  const { message, code = '' } = cause
  if (MISSING.has(code)) {
    return new UserFacingError(
      `The database does not have the tables of this version (${message}): run npm run db:migrate. If it is another application's, set DATABASE_URL. npm run db:status lists what is missing.`,
      { cause },
    )
  }
  return NOT_ALLOWED.test(code)
    ? new UserFacingError(`PostgreSQL refused the command: ${message} (${code})`, { cause })
    : cause
}

async function withEmbedded(
  folder: string,
  work: (connectionString: string) => Promise<void>,
): Promise<void> {
  const { adviseDevelopment } = await import('../db/migration-plan.ts')
  await withEmbeddedUrl(join(folder, 'postgres'), work).catch(error => {
    throw adviseDevelopment(error, folder)
  })
}

async function withEmbeddedUrl(
  directory: string,
  work: (connectionString: string) => Promise<void>,
): Promise<void> {
  const { runningUrl, selfContained, startEmbeddedPostgres } = await import('../db/embedded.ts')
  const running = await runningUrl(directory)
  if (running !== undefined) return work(selfContained(running))
  const server = await startEmbeddedPostgres({ directory }).catch(error => {
    throw new UserFacingError((error as Error).message)
  })
  try {
    await work(selfContained(server.url))
  } finally {
    await server.stop()
  }
}
