/** Checks whether the database has every migration that this version of the service needs. */
import pg from 'pg'
import type { Queryable } from './connection.ts'
import { type Migration, readMigrations } from './migration-files.ts'
import { compareMigrations, missingMigrations } from './migration-plan.ts'

const INSUFFICIENT_PRIVILEGE = '42501'
const UNDEFINED_TABLE = '42P01'

const QUERY = `select hash, created_at::text as created, 'public' = any (current_schemas(false)) as "isReachable"
  from drizzle.__drizzle_migrations order by id`

type Row = { hash: string; created: string | null; isReachable: boolean }

/** Reads the folder once, and returns a function that checks the database. */
export function createMigrationCheck(directory?: string) {
  const migrations = readMigrations(directory)
  /**
   * Returns why the service cannot use this database; undefined where it can, also where it has migrations of a newer
   * version. Rejects where the database does not respond.
   */
  return async function whyUnusable(pool: Queryable): Promise<string | undefined> {
    try {
      const { rows } = await pool.query<Row>(QUERY)
      return reasonIn(rows, migrations)
    } catch (error) {
      const code = error instanceof pg.DatabaseError ? error.code : undefined
      if (code === UNDEFINED_TABLE) return reasonIn([], migrations)
      if (code === INSUFFICIENT_PRIVILEGE) {
        return 'the role in DATABASE_URL cannot see which migrations are applied: grant it usage on schema drizzle and select on drizzle.__drizzle_migrations'
      }
      throw error
    }
  }
}

function reasonIn(rows: readonly Row[], migrations: readonly Migration[]): string | undefined {
  const applied = rows.map(({ hash, created }) => ({
    hash,
    createdAt: created === null ? null : Number(created),
    id: 0,
    name: null,
    appliedAt: null,
  }))
  const missing = missingMigrations(compareMigrations(migrations, applied))
  if (missing.length > 0) {
    const names = missing.map(({ migration, state }) =>
      state === 'edited' ? `${migration.tag} (applied with other contents)` : migration.tag,
    )
    return `the database lacks ${names.join(', ')}: run npm run db:migrate`
  }
  if (rows.some(({ isReachable }) => !isReachable)) {
    return "the schema public, where the tables are, is not in the search_path of DATABASE_URL's connections"
  }
}
