/** `npm run report`: reads the command line, runs the command, and ends with its exit code. */
import { listenForInterruption } from '../harness/command.ts'
import { ReportError, UsageError } from './errors.ts'
import { parseCommandLine, type Settings, USAGE } from './options.ts'

export type Command = (
  settings: Settings,
  operand: string | undefined,
  signal: AbortSignal,
) => Promise<number>

/** Loaded when asked for: what is wrong with a command line is said before a database is. */
const COMMANDS: Record<string, () => Promise<Command>> = {
  report: async () => (await import('./commands/report.ts')).reportCommand,
  verify: async () => (await import('./commands/verify.ts')).verifyCommand,
  lint: async () => (await import('./commands/lint.ts')).lintCommand,
}

const { args, signal } = listenForInterruption(process.argv.slice(2))
process.exitCode = await main()

async function main(): Promise<number> {
  try {
    const { command, operand, settings } = parseCommandLine(args)
    if (settings.help) {
      console.log(USAGE)
      return 0
    }
    const load = COMMANDS[command]
    if (!load) throw new UsageError(`there is no command "${command}"; there are: verify, lint`)
    const run = await load()
    return await run(settings, operand, signal)
  } catch (error) {
    if (signal.aborted) {
      process.stderr.write('report: interrupted\n')
      return 130
    }
    if (!(error instanceof UsageError || error instanceof ReportError)) throw error
    process.stderr.write(`report: ${error.message}\n`)
    return error instanceof UsageError ? 64 : 69
  }
}
