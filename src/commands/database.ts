/** The database that a command works on: DATABASE_URL's, or in development the embedded one, running or not. */
import { join } from 'node:path'
import { ConfigError, loadDatabaseUrls, readEnvironment } from '../config.ts'
import { createDatabase, type Database } from '../db/client.ts'

/**
 * Runs `work` with the address of the database, and prints an error that a person can mend as one line.
 * An embedded server that a running service owns is shared with it; otherwise one is started, and stopped after.
 */
export async function withDatabaseUrl(work: (connectionString: string) => Promise<void>): Promise<void> {
  const environment = readEnvironment()
  const isEmbedded = environment.DATABASE_URL === undefined && environment.NODE_ENV !== 'production'
  try {
    if (isEmbedded) await withEmbedded(join(environment.DATA_DIR ?? '.data', 'postgres'), work)
    else await work(loadDatabaseUrls(environment).directUrl)
  } catch (error) {
    const isPlain = error instanceof ConfigError || error instanceof CommandError
    process.stderr.write(`${isPlain ? error.message : (error as Error).stack}\n`)
    process.exitCode = 1
  }
}

/** The same with a connection to it. Commands may take longer than requests. */
export async function withDatabase(work: (database: Database) => Promise<void>): Promise<void> {
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
    } finally {
      await database.pool.end()
    }
  })
}

/** What a person did wrong, in a sentence. */
export class CommandError extends Error {}

async function withEmbedded(
  directory: string,
  work: (connectionString: string) => Promise<void>,
): Promise<void> {
  const { runningUrl, startEmbeddedPostgres } = await import('../db/embedded.ts')
  const running = await runningUrl(directory)
  if (running !== undefined) return work(running)
  const server = await startEmbeddedPostgres({ directory }).catch(error => {
    throw new CommandError((error as Error).message)
  })
  try {
    await work(server.url)
  } finally {
    await server.stop()
  }
}
