/** `npm run bench`: reads the command line, runs the command, and ends with its exit code. */
import { listenForInterruption } from '../harness/command.ts'
import { RunError, UsageError } from '../harness/errors.ts'
import { prepareFiles } from './commands/files.ts'
import { checkOperands, checkOptions, DEFAULT_COMMAND, findCommand, helpText } from './commands.ts'
import { parseCommandLine } from './options.ts'

const { args, signal } = listenForInterruption(process.argv.slice(2))
process.exitCode = await main()

async function main(): Promise<number> {
  try {
    const { command: named, operands, values } = parseCommandLine(args)
    if (values.help) return print(helpText(named))
    const name = named ?? DEFAULT_COMMAND
    const command = findCommand(name)
    checkOptions(name, command, values)
    checkOperands(name, command, operands)
    await prepareFiles(values)
    const run = await command.load()
    return await run({ values, operands, signal, print })
  } catch (error) {
    if (!(error instanceof UsageError || error instanceof RunError)) throw error
    process.stderr.write(`bench: ${signal.aborted ? 'interrupted' : error.message}\n`)
    if (signal.aborted) return 130
    return error instanceof UsageError ? 64 : 69
  }
}

function print(text: string): 0 {
  console.log(text)
  return 0
}
