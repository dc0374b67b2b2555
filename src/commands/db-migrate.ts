/** `npm run db:migrate`: applies the migrations. Several at once wait for each other. */
import { readArguments, runCommand, withDatabaseUrl } from './database.ts'

await runCommand(async () => {
  readArguments({})
  const { migrate } = await import('../db/migrate.ts')
  await withDatabaseUrl(async connectionString => {
    const count = await migrate(connectionString)
    console.log(
      count === 0 ? 'The database was up to date.' : `Applied ${count} migration${count === 1 ? '' : 's'}.`,
    )
  })
})
