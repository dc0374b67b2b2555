/** `npm run report`: reads the command line, runs the command, and exits with its code. */
import { listenForInterruption } from '../harness/command.ts'
import { RunError, UsageError } from '../harness/errors.ts'
import { EXIT } from './exit-codes.ts'
import { parseCommandLine, type Settings, USAGE } from './options.ts'

export type Command = (
  settings: Settings,
  operand: string | undefined,
  signal: AbortSignal,
) => Promise<number>

/** Each is loaded when it is run, so that errors of the command line need no database. */
const COMMANDS: Record<string, () => Promise<Command>> = {
  report: async () => (await import('./commands/report.ts')).reportCommand,
  verify: async () => (await import('./commands/verify.ts')).verifyCommand,
  lint: async () => (await import('./commands/lint.ts')).lintCommand,
  'self-test': async () => (await import('./commands/self-test.ts')).selfTestCommand,
}

const { args, signal } = listenForInterruption(process.argv.slice(2))
process.exitCode = await main()

async function main(): Promise<number> {
  try {
    const { command, operand, settings } = parseCommandLine(args)
    if (settings.help) {
      console.log(USAGE)
      return EXIT.OK
    }
    const load = COMMANDS[command]
    if (!load) throw new UsageError(`there is no command "${command}"; there are: verify, lint, self-test`)
    const run = await load()
    return await run(settings, operand, signal)
  } catch (error) {
    if (signal.aborted) {
      process.stderr.write('report: interrupted\n')
      return EXIT.INTERRUPTED
    }
    if (!(error instanceof UsageError || error instanceof RunError)) throw error
    process.stderr.write(`report: ${error.message}\n`)
    return error instanceof UsageError ? EXIT.USAGE : EXIT.UNAVAILABLE
  }
}
