/** `npm run bench`: reads the command line, runs the command, and ends with its exit code. */

import { watchParent } from '../src/parent.ts'
import type { Context } from './commands/context.ts'
import { RunError, UsageError } from './errors.ts'
import { optionHelp, parseCommandLine } from './options.ts'

const usage = `Usage: npm run bench -- [command] [options]

  (none)                     run the suite and print its table
  sweep                      find the highest rate that keeps --slo, and how throughput scales with connections
  save <name>                run the suite and keep the result
  list                       show the results that were kept
  compare <a> <b>            is b slower than a? Exit code 0 no, 1 yes, 2 not comparable, 3 too much noise to tell
  ab --base <git ref>        measure that version and the working tree side by side, and compare them
  peers                      the service beside bare node:http, Express, NestJS, Hono and plain Fastify, in turns
  ablate [name …]            what each feature of the service costs, and each shortcut saves
  scale [workers …]          throughput, capacity and memory with one worker and with several (1 2)
  data-layers [name …]       one query through pg, Drizzle, Kysely, TypeORM and Prisma, as ratios to pg
  power                      how often ab calls a difference where there is none, and finds one of 5 %

Options:
${optionHelp()}

Exit codes: 0 all well; 1 errors, void figures or a regression; 64 wrong usage; 69 the target fails; 130 Ctrl-C.`

// Each is loaded when it is run: the database and the charts take a while, and a target needs neither.
const commands: Record<string, () => Promise<(context: Context) => Promise<number>>> = {
  run: async () => (await import('./commands/run.ts')).runCommand,
  sweep: async () => (await import('./commands/sweep.ts')).sweepCommand,
  save: async () => (await import('./commands/baselines.ts')).saveCommand,
  list: async () => (await import('./commands/baselines.ts')).listCommand,
  compare: async () => (await import('./commands/compare.ts')).compareCommand,
  ab: async () => (await import('./commands/ab.ts')).abCommand,
  peers: async () => (await import('./commands/peers.ts')).peersCommand,
  ablate: async () => (await import('./commands/ablate.ts')).ablateCommand,
  'data-layers': async () => (await import('./commands/data-layers.ts')).dataLayersCommand,
  scale: async () => (await import('./commands/scale.ts')).scaleCommand,
  power: async () => (await import('./commands/power.ts')).powerCommand,
}

const interruption = new AbortController()
process.exitCode = await main(watchParent(process.argv.slice(2), () => interruption.abort()))

async function main(args: string[]): Promise<number> {
  // A terminal that is closed is a hang-up: what was started is detached, and would stay.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => interruption.abort())
  try {
    const { command, operands, values } = parseCommandLine(args)
    if (values.help) return print(usage)
    const load = commands[command]
    if (!load)
      throw new UsageError(`unknown command "${command}"; there are: ${Object.keys(commands).join(', ')}`)
    const run = await load()
    return await run({ values, operands, signal: interruption.signal, print })
  } catch (error) {
    if (!(error instanceof UsageError || error instanceof RunError)) throw error
    process.stderr.write(`bench: ${interruption.signal.aborted ? 'interrupted' : error.message}\n`)
    if (interruption.signal.aborted) return 130
    return error instanceof UsageError ? 64 : 69
  }
}

function print(text: string): 0 {
  console.log(text)
  return 0
}
