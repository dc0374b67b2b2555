/** `npm run db:status`: lists the migrations and their states in the database. Changes nothing. */
import { differencesOf, nameOf, type Plan } from '../db/migration-plan.ts'
import { readArguments, runCommand, withDatabaseUrl } from './database.ts'

const USAGE = `Usage: npm run db:status

Lists the migrations under drizzle/ in the order of the journal, and those that only the database has:

  applied       the database has it as it is in the folder
  pending       npm run db:migrate will apply it
  incomplete    a run outside a transaction was cut short; npm run db:migrate continues it
  out of order  not applied, but later ones are
  edited        applied with other contents
  renamed       applied with another time; where the time is the same, the name does not matter
  unknown       applied, but not in the folder
  twice         recorded a second time

Exit code: 0 when all are applied and none is unknown, otherwise 1.
`

await runCommand(async () => {
  const { values } = readArguments({ options: { help: { type: 'boolean', short: 'h' } } })
  if (values.help) return void process.stdout.write(USAGE)
  await withDatabaseUrl(async url => {
    const { readStatus } = await import('../db/migrate.ts')
    const plan = await readStatus(url)
    const isCurrent = plan.entries.every(({ state }) => state === 'applied')
    const differences = differencesOf(plan)
    const table = formatTable([['migration', 'state', 'applied at'], ...rowsOf(plan)])
    process.stdout.write(`${table}\n\n${summary(plan, isCurrent, differences)}\n`)
    process.exitCode = isCurrent && differences.length === 0 ? 0 : 1
  })
})

function rowsOf({ entries, unknown, duplicates, progress }: Plan): string[][] {
  const begun = new Set(progress.map(({ createdAt }) => createdAt))
  return [
    ...entries.map(({ migration: { tag, when }, state, row }) => [
      tag,
      state === 'pending' && begun.has(when) ? 'incomplete' : state,
      formatTime(row?.appliedAt),
    ]),
    ...unknown.map(row => [nameOf(row), 'unknown', formatTime(row.appliedAt)]),
    ...duplicates.map(row => [nameOf(row), 'twice', formatTime(row.appliedAt)]),
  ]
}

function summary(plan: Plan, isCurrent: boolean, differences: readonly string[]): string {
  if (differences.length > 0) return differences.map(difference => `- ${difference}`).join('\n')
  if (isCurrent) return 'The database is up to date.'
  const pending = plan.entries.filter(({ state }) => state === 'pending').length
  return `${pending} of ${plan.entries.length} to apply: npm run db:migrate`
}

/** Returns a time in UTC, to the second. drizzle-orm before 1.0 does not record it. */
function formatTime(date: Date | null | undefined): string {
  if (date === undefined) return ''
  return date?.toISOString().replace('T', ' ').replace(/\..*/, ' UTC') ?? 'not known'
}

function formatTable(rows: readonly string[][]): string {
  const widths = [0, 1, 2].map(column => Math.max(...rows.map(row => row[column]?.length ?? 0)))
  return rows
    .map(row =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}
