/** `npm run db:check`: refuses migrations that would be skipped, were changed, lock long, or break the version before. */
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { explain } from '../../src/lib/user-facing-error.ts'
import { checkMigrations } from './check.ts'
import { format } from './problem.ts'

const USAGE = `Usage: npm run db:check -- [--base <ref>]
  --base <ref>  the branch or commit whose migrations may be deployed; by default origin's main branch, or main`

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

try {
  process.exitCode = await run()
} catch (error) {
  console.error(explain(error))
  process.exitCode = 1
}

async function run(): Promise<number> {
  const base = readBase()
  if (base === null) return 2
  const { problems, notes } = await checkMigrations(ROOT, base)
  for (const problem of problems) console.error(`${format(problem)}\n`)
  for (const note of notes) console.log(note)
  if (problems.length > 0) console.error(`Problems: ${problems.length}.`)
  return problems.length > 0 ? 1 : 0
}

/** The ref, undefined for the usual one, or null where the arguments are wrong, which is said. */
function readBase(): string | undefined | null {
  try {
    return parseArgs({ options: { base: { type: 'string' } } }).values.base
  } catch (error) {
    console.error(`${(error as Error).message}\n${USAGE}`)
    return null
  }
}
