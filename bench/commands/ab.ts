/** `ab --base <git ref>`: that version and the working tree side by side, in the order A B B A. */
import { compareScenarios, exitCodeOfComparison } from '../compare.ts'
import { UsageError } from '../errors.ts'
import { loadOptions } from '../options.ts'
import { renderComparison } from '../output/comparison.ts'
import { errorsOf } from '../result/figures.ts'
import { takeFingerprint } from '../result/fingerprint.ts'
import type { LoadOptions, Result } from '../result/schema.ts'
import { resultPath, writeResult } from '../result/store.ts'
import { chooseScenarios, type Scenario } from '../scenario.ts'
import type { Version } from '../service/subject.ts'
import { checkOut } from '../service/worktree.ts'
import { maxRegressionOf } from './compare.ts'
import { type Context, describe } from './context.ts'
import { repository } from './open-subject.ts'
import { measurePair, openPair } from './pair.ts'
import { writeFiles } from './run.ts'

/**
 * Many short rounds: the closer two versions stand in time, the less a drift of the machine parts them. 20 s of each make
 * intervals of ±3 % (a window of 0.5 s varies by 5 %, and the next one independently). Code is still being compiled for
 * its first 4 s under load.
 */
export const pairDefaults = { rounds: 40, duration: 0.5, warmup: 4 }

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
  const options = loadOptions(context.values, pairDefaults)
  const scenarios = await chooseScenarios(context.values.scenario ?? [])
  const opened = await openPair(versions, options, context.signal)
  try {
    const result = await measureResult(opened, scenarios, options, context)
    return await conclude(result, context)
  } finally {
    await opened.close()
  }
}

async function measureResult(
  { pair, postgres, environment }: Awaited<ReturnType<typeof openPair>>,
  scenarios: Scenario[],
  options: LoadOptions,
  context: Context,
): Promise<Result> {
  const [base, head] = pair
  const measured = await measurePair(pair, scenarios, options, context.signal)
  const fingerprint = await takeFingerprint(repository, postgres)
  return {
    ...describe({ subject: head, fingerprint, environment }, context),
    options,
    ...measured,
    baseSubject: base.name,
  }
}

async function conclude(result: Result, context: Context): Promise<number> {
  const { values, print } = context
  const { base = [], baseSubject = 'base', scenarios, subject, options } = result
  const maxRegression = maxRegressionOf(values)
  const comparisons = compareScenarios(base, scenarios, { mode: options.mode, isPaired: true, maxRegression })
  print(renderComparison(comparisons, { base: baseSubject, head: subject }, maxRegression))
  if (result.quick) print('QUICK: short rounds; good for a first look only.')
  if (result.cutShort) print('CUT SHORT: not all rounds were run.')
  await writeResult(resultPath('latest-ab'), result)
  await writeFiles(result, context)
  if (result.cutShort) return 130
  const failed = [...base, ...scenarios].flatMap(({ rounds }) => rounds).some(round => errorsOf(round) > 0)
  if (failed) print('FAILED: not all requests were answered as expected.')
  return failed ? 1 : exitCodeOfComparison(comparisons)
}
