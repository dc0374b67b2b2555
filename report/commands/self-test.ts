/** `npm run report -- self-test`: breaks the service in many ways, and checks that the report says so. */
import { mkdir, writeFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { UsageError } from '../../harness/errors.ts'
import { ROOT } from '../generate.ts'
import type { Settings } from '../options.ts'
import { selectTrials } from '../self-test/list.ts'
import { hasPassed, runSelfTest } from '../self-test/self-test.ts'
import { describeTrial, renderTable } from '../self-test/table.ts'

/** Prints the verdicts, and writes them as JSON. Returns 1 where the report was wrong. */
export async function selfTestCommand(settings: Settings, operand: string | undefined, signal: AbortSignal) {
  if (operand !== undefined) throw new UsageError(`self-test takes options only, not "${operand}"`)
  const trials = selectTrials(settings)
  if (trials.length === 0) throw new UsageError('no trial has such a name')
  await mkdir(settings.out, { recursive: true })
  const result = await runSelfTest({
    root: ROOT,
    trials,
    workers: settings.workers ?? availableParallelism(),
    signal,
    onJudged: judged => console.log(describeTrial(judged)),
  })
  await writeFile(join(settings.out, 'self-test.json'), `${JSON.stringify(result, null, 2)}\n`)
  console.log(`\n${renderTable(result)}`)
  return hasPassed(result) ? 0 : 1
}
