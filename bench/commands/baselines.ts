/** `save` and `list`: keeps results under a name, and shows those there are. */
import { UsageError } from '../../harness/errors.ts'
import { markdownTable } from '../output/table.ts'
import { listResults, readResult, resultPath, writeResult } from '../result/store.ts'
import type { Context } from './context.ts'
import { exitCodeOf } from './context.ts'
import { runAndPublish } from './run.ts'

/** `save <name>`: runs the suite, or takes the result of `--from`, and keeps it. Returns the exit code of the run. */
export async function saveCommand(context: Context): Promise<number> {
  const [name] = context.operands
  if (!name || !/^[\w-]+$/.test(name)) throw new UsageError('save takes a name of letters, digits, - and _')
  const { from } = context.values
  const result = from === undefined ? await runAndPublish(context) : await readResult(from)
  await writeResult(resultPath(name), result)
  context.print(`Saved as ${name}.`)
  return exitCodeOf(result)
}

/** `list`: one line per kept result. */
export async function listCommand({ print }: Context): Promise<number> {
  const results = await listResults()
  const rows = results.map(({ name, result }) => [
    name,
    result.createdAt.slice(0, 16).replace('T', ' '),
    result.subject,
    result.fingerprint.code.commit?.slice(0, 7) ?? '–',
    result.scenarios.map(scenario => scenario.name).join(', '),
    [result.quick && 'quick', result.cutShort && 'cut short'].filter(Boolean).join(', '),
  ])
  print(
    rows.length === 0
      ? 'Nothing was saved yet.'
      : markdownTable(['Name', 'When (UTC)', 'Subject', 'Commit', 'Scenarios', 'Mark'], rows),
  )
  return 0
}
