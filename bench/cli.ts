/** `npm run bench`: reads the command line, runs the command, and ends with its exit code. */

import { watchParent } from '../src/process/parent.ts'
import { prepareFiles } from './commands/files.ts'
import { checkOperands, checkOptions, defaultCommand, findCommand, helpText } from './commands.ts'
import { RunError, UsageError } from './errors.ts'
import { parseCommandLine } from './options.ts'

const interruption = new AbortController()
process.exitCode = await main(watchParent(process.argv.slice(2), () => interruption.abort()))

async function main(args: string[]): Promise<number> {
  // A terminal that is closed is a hang-up: what was started is detached, and would stay.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => interruption.abort())
  try {
    const { command: named, operands, values } = parseCommandLine(args)
    if (values.help) return print(helpText(named))
    const name = named ?? defaultCommand
    const command = findCommand(name)
    checkOptions(name, command, values)
    checkOperands(name, command, operands)
    await prepareFiles(values)
    const run = await command.load()
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
