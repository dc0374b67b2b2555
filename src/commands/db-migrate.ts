/** `npm run db:migrate`: applies the migrations. Several at once wait for each other. */
import { migrate } from '../db/migrate.ts'
import { readArguments, runCommand, withDatabaseUrl } from './database.ts'

await runCommand(async () => {
  readArguments({})
  await withDatabaseUrl(async connectionString => {
    const count = await migrate(connectionString)
    console.log(
      count === 0 ? 'The database was up to date.' : `Applied ${count} migration${count === 1 ? '' : 's'}.`,
    )
  })
})
