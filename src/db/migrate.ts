/** Applies the migrations under drizzle/, one instance at a time. */
import { fileURLToPath } from 'node:url'
import { drizzle } from 'drizzle-orm/node-postgres'
import { migrate as applyMigrations } from 'drizzle-orm/node-postgres/migrator'
import pg from 'pg'
import { PlainError } from '../plain-error.ts'

const MIGRATIONS = { migrationsFolder: fileURLToPath(new URL('../../drizzle', import.meta.url)) }

const CONNECT_TIMEOUT_MS = 10_000

/** An arbitrary number that is ours: every instance asks for the same lock. */
const MIGRATION_LOCK = 7_265_481

/**
 * Applies what is not yet applied, all of it or nothing, and returns how many migrations that were. Instances that
 * start at once wait for each other on an advisory lock, which PostgreSQL frees when the connection ends, however it
 * ends. Throws PlainError where the database does not answer.
 */
export async function migrate(connectionString: string): Promise<number> {
  const client = new pg.Client({
    connectionString,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    application_name: 'plumbline-migrate',
  })
  client.on('error', () => {
    // What runs at that time rejects with it.
  })
  await client.connect().catch(cause => {
    const { code, message } = cause as NodeJS.ErrnoException
    throw new PlainError(
      `Cannot connect to the database at ${client.host}:${client.port}: ${code ?? message}`,
      {
        cause,
      },
    )
  })
  try {
    await client.query('select pg_advisory_lock($1)', [MIGRATION_LOCK])
    const before = await countApplied(client)
    await applyMigrations(drizzle(client), MIGRATIONS)
    return (await countApplied(client)) - before
  } finally {
    await client.end()
  }
}

async function countApplied(client: pg.Client): Promise<number> {
  const { rows: found } = await client.query(`select to_regclass('drizzle.__drizzle_migrations') as name`)
  if (found[0].name === null) return 0
  const { rows } = await client.query('select count(*)::int as count from drizzle.__drizzle_migrations')
  return rows[0].count
}
