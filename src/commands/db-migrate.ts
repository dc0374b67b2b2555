/** `npm run db:migrate`: applies the migrations. Several at once wait for each other. */
import { loadMigrationSettings, readEnvironment } from '../config/config.ts'
import type { MigrateOptions } from '../db/migrate.ts'
import { readArguments, runCommand, withDatabaseUrl } from './database.ts'

const USAGE = `Usage: npm run db:migrate -- [options]

Applies the migrations under drizzle/ that the database does not have, in the order of the journal. Refuses where one was
edited, renamed or deleted after it was applied, or is older than the last one applied, and names it.

  --dry-run             print the SQL that would run, and change nothing
  --allow-out-of-order  also apply migrations that come before one that is applied
  --allow-newer         accept a database that a newer version of the service has migrated
  --help                print this

Exit code: 0 when the database has every migration of this version (with --dry-run: could get it), otherwise 1.
MIGRATION_LOCK_TIMEOUT (5s) is the longest wait for a lock; npm run db:status lists the migrations.
`

const OPTIONS = {
  'dry-run': { type: 'boolean' },
  'allow-out-of-order': { type: 'boolean' },
  'allow-newer': { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const

await runCommand(async () => {
  const { values } = readArguments({ options: OPTIONS })
  if (values.help) return void process.stdout.write(USAGE)
  const { lockTimeout } = loadMigrationSettings(readEnvironment())
  const options = {
    lockTimeout,
    allowOutOfOrder: values['allow-out-of-order'] ?? false,
    allowNewer: values['allow-newer'] ?? false,
    onProgress: (line: string) => void process.stderr.write(`${line}\n`),
  }
  await withDatabaseUrl(url => (values['dry-run'] ? print(url, options) : apply(url, options)))
})

async function apply(connectionString: string, options: MigrateOptions): Promise<void> {
  const { migrate } = await import('../db/migrate.ts')
  const { length } = await migrate(connectionString, options)
  console.log(
    length === 0 ? 'The database was up to date.' : `Applied ${length} migration${length === 1 ? '' : 's'}.`,
  )
}

async function print(connectionString: string, options: MigrateOptions): Promise<void> {
  const { dryRun } = await import('../db/migrate.ts')
  const { sql, count } = await dryRun(connectionString, options)
  process.stdout.write(count === 0 ? '-- The database is up to date.\n' : sql)
}
