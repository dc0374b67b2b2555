/** Runs another program with DATABASE_URL set: `node src/commands/with-database.ts drizzle-kit studio`. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { PlainError } from '../plain-error.ts'
import { runCommand, withDatabaseUrl } from './database.ts'

const [program, ...args] = process.argv.slice(2)

await runCommand(async () => {
  if (program === undefined)
    throw new PlainError('Usage: node src/commands/with-database.ts <program> [arguments]')
  await withDatabaseUrl(url => start(program, url))
})

async function start(program: string, connectionString: string): Promise<void> {
  const child = spawn(program, args, {
    stdio: 'inherit',
    env: { ...process.env, DATABASE_URL: connectionString },
  })
  // The terminal sends Ctrl-C to both; this process stays to stop the database after the child.
  process.on('SIGINT', () => {})
  const [exitCode] = await once(child, 'exit')
  process.exitCode = exitCode ?? 1
}
