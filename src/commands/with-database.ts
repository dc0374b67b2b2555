/** Runs another program with DATABASE_URL set: `node src/commands/with-database.ts drizzle-kit studio`. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { runCommand, withDatabaseUrl } from './database.ts'

await runCommand(() => withDatabaseUrl(start))

async function start(connectionString: string): Promise<void> {
  const [program = '', ...args] = process.argv.slice(2)
  const child = spawn(program, args, {
    stdio: 'inherit',
    env: { ...process.env, DATABASE_URL: connectionString },
  })
  // The terminal sends Ctrl-C to both; this process stays to stop the database after the child.
  process.on('SIGINT', () => {})
  const [exitCode] = await once(child, 'exit')
  process.exitCode = exitCode ?? 1
}
