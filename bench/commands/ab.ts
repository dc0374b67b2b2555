/** `ab --base <git ref>`: that version and the working tree side by side, in turns. */

import { UsageError } from '../../harness/errors.ts'
import { checkOut } from '../../harness/worktree.ts'
import { compareScenarios, exitCodeOfComparison } from '../compare.ts'
import { busyLimitOf } from '../options.ts'
import { coldLines, failedLines, labelRounds, resultLines } from '../output/caveats.ts'
import { renderComparison } from '../output/comparison.ts'
import { takeFingerprint } from '../result/fingerprint.ts'
import type { Result } from '../result/schema.ts'
import { resultPath, writeResult } from '../result/store.ts'
import { chooseScenarios } from '../scenario.ts'
import type { Version } from '../service/subject.ts'
import { prepareVersions } from '../service/versions.ts'
import { maxRegressionOf, printLeftOut } from './compare.ts'
import { type Context, describe } from './context.ts'
import { forkOptions, measureForks } from './forks.ts'
import { repository } from './open-subject.ts'
import { writeFiles } from './run.ts'

/** Prints the comparison and returns its exit code; 130 when it was cut short. */
export async function abCommand(context: Context): Promise<number> {
  const { values, signal } = context
  const { base: ref, noise } = values
  if ((ref === undefined) === !noise) throw new UsageError('ab takes either --base <git ref> or --noise')
  // Before the minutes of measuring, not after them.
  maxRegressionOf(values)
  const worktree = ref === undefined ? undefined : await checkOut(repository, ref, signal)
  try {
    const base = { key: 'base', name: ref ?? 'the same again', root: worktree?.root ?? repository }
    const head = { key: 'head', name: 'working tree', root: repository }
    return await compareVersions([base, head], context)
  } finally {
    await worktree?.remove()
  }
}

async function compareVersions(versions: [Version, Version], context: Context): Promise<number> {
  const options = forkOptions(context.values)
  const scenarios = await chooseScenarios(context.values.scenario ?? [])
  const prepared = await prepareVersions(versions, context.signal)
  try {
    const [base, head] = versions
    const { versions: measured, cores } = await measureForks(prepared, scenarios, options, context.signal)
    const [ofBase = [], ofHead = []] = measured
    const { postgres, environment } = prepared
    const fingerprint = await takeFingerprint(repository, postgres)
    const described = describe({ subject: head, fingerprint, environment }, context)
    const rounds = { scenarios: ofHead, base: ofBase, baseSubject: base.name, ...(cores && { cores }) }
    return await conclude({ ...described, options, ...rounds }, context)
  } finally {
    await prepared.close()
  }
}

async function conclude(result: Result, context: Context): Promise<number> {
  const { values, print } = context
  const { base = [], baseSubject = 'base', scenarios, subject, options } = result
  const maxRegression = maxRegressionOf(values)
  const busyLimit = busyLimitOf(values)
  const terms = { mode: options.mode, isPaired: true, maxRegression, busyLimit }
  const comparisons = compareScenarios(base, scenarios, terms)
  print(renderComparison(comparisons, { base: baseSubject, head: subject }, maxRegression))
  const sides = [
    { name: baseSubject, scenarios: base },
    { name: subject, scenarios },
  ]
  printLeftOut(sides, busyLimit, print)
  for (const line of [...resultLines(result), ...coldLines(labelRounds(sides))]) print(line)
  await writeResult(resultPath('latest-ab'), result)
  await writeFiles(result, context)
  if (result.cutShort) return 130
  const failed = failedLines(labelRounds(sides))
  for (const line of failed) print(line)
  return failed.length > 0 ? 1 : exitCodeOfComparison(comparisons)
}
