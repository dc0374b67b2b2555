/** `npm run db:check-rollout`: does the version before live with this version's migrations, under load? */
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { listenForInterruption } from '../../harness/command.ts'
import { RunError, UsageError } from '../../harness/errors.ts'
import { checkRollout, type Outcome } from './rollout.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

const USAGE = `Usage: npm run db:check-rollout -- --base <ref> [--seconds 20] [--users 6]
  --base <ref>    the commit of the version that is deployed
  --seconds <n>   how long the load goes on after the migrations, 1 to 3600
  --users <n>     accounts that are active at the same time, 1 to 100
Exit code 0: nothing failed. 1: requests failed, or it could not be tried. 2: wrong arguments.`

const { args, signal } = listenForInterruption(process.argv.slice(2))
process.exitCode = await main()

async function main(): Promise<number> {
  try {
    const options = readOptions()
    const outcome = await checkRollout({ ...options, root: ROOT, signal, onProgress: console.log })
    console.log(describe(outcome))
    return outcome.failures.length > 0 ? 1 : 0
  } catch (error) {
    if (!(error instanceof UsageError || error instanceof RunError)) throw error
    console.error(error.message)
    return signal.aborted ? 130 : error instanceof UsageError ? 2 : 1
  }
}

/** Throws UsageError. */
function readOptions() {
  const { base, seconds, users } = parse()
  if (base === undefined) throw new UsageError(`--base is missing.\n${USAGE}`)
  return { base, seconds: wholeNumber('seconds', seconds, 3600), users: wholeNumber('users', users, 100) }
}

function parse() {
  try {
    return parseArgs({
      args,
      options: {
        base: { type: 'string' },
        seconds: { type: 'string', default: '20' },
        users: { type: 'string', default: '6' },
      },
    }).values
  } catch (error) {
    throw new UsageError(`${(error as Error).message}\n${USAGE}`)
  }
}

function wholeNumber(name: string, text: string, max: number): number {
  const number = /^\d+$/.test(text) ? Number(text) : 0
  if (number >= 1 && number <= max) return number
  throw new UsageError(`--${name} takes a whole number from 1 to ${max}.`)
}

function describe({ routes, failures, reasons }: Outcome): string {
  const rows = routes.map(({ route, requests, failed, longestMs }) => [
    route,
    String(requests),
    String(failed),
    `${Math.round(longestMs)} ms`,
  ])
  const lines = [['route', 'requests', 'failed', 'longest'], ...rows].map(
    ([route = '', ...figures]) => route.padEnd(28) + figures.map(figure => figure.padStart(10)).join(''),
  )
  const total = routes.reduce((sum, { requests }) => sum + requests, 0)
  const failed = failures.reduce((sum, { count }) => sum + count, 0)
  if (failed === 0) return [...lines, '', `None of ${total} requests failed.`].join('\n')
  const kinds = failures.map(
    ({ route, outcome, count, firstAt }) =>
      `  ${count} × ${route}: ${outcome}, first ${firstAt.toFixed(1)} s after the migrations began`,
  )
  const said = reasons.length === 0 ? [] : ['The service logged:', ...reasons.map(reason => `  ${reason}`)]
  return [...lines, '', `${failed} of ${total} requests failed:`, ...kinds, ...said].join('\n')
}
