/** What the commands share that measure several subjects in turns: the turns, and how their result is published. */
import type { Generator } from '../load/generator-client.ts'
import type { MeasureHooks } from '../measure.ts'
import { loadOptions, type Values } from '../options.ts'
import { labelRounds, resultLines, roundLines } from '../output/caveats.ts'
import { planTurns } from '../plan.ts'
import { errorsOf } from '../result/figures.ts'
import type { Group, LoadOptions, Result } from '../result/schema.ts'
import { resultPath, writeResult } from '../result/store.ts'
import type { Scenario } from '../scenario.ts'
import type { Subject } from '../subject.ts'
import { type Context, groupRounds, measureWithProgress, ownConnections } from './context.ts'
import { writeFiles } from './run.ts'

// Fewer than of two versions: there are up to twenty subjects, and what parts them is more than a few percent.
const GROUP_DEFAULTS = { rounds: 20, duration: 0.6 }

// Three blocks: the intervals of fewer say nothing.
const QUICK_ROUNDS = 6

export type GroupPlan = {
  subjects: readonly Subject[]
  /** The one of them that ratios are to. */
  reference: Subject
  scenarios: readonly Scenario[]
  beforeStep?: MeasureHooks['beforeStep']
}

/** Returns the load that the options ask for, over many short rounds. */
export function groupOptions(values: Values): LoadOptions {
  const options = loadOptions(values, GROUP_DEFAULTS)
  return values.quick && values.rounds === undefined ? { ...options, rounds: QUICK_ROUNDS } : options
}

/** Measures the subjects in turns, and returns their rounds. */
export async function measureGroup(
  generator: Generator,
  { subjects, reference, scenarios, beforeStep }: GroupPlan,
  options: LoadOptions,
  { signal }: Context,
): Promise<Group> {
  const steps = planTurns(subjects, scenarios, options)
  const measured = await measureWithProgress(generator, steps, options, signal, beforeStep)
  return {
    options,
    reference: reference.name,
    connections: ownConnections(scenarios),
    subjects: subjects.map(subject => ({
      name: subject.name,
      scenarios: groupRounds(measured, subject.key, scenarios),
    })),
  }
}

/**
 * Prints what a reader must know of a result beside its tables, keeps it as `latest-<subject>`, and writes the files that
 * were asked for. Returns the exit code: 130 when it was cut short, 1 where a figure is void or a request failed, else 0.
 */
export async function publishGroups(result: Result, context: Context): Promise<number> {
  const lists = labelRounds((result.groups ?? []).flatMap(({ subjects }) => subjects))
  const lines = [...resultLines(result), ...roundLines(lists, result.options.busyLimit)]
  for (const line of lines) context.print(line)
  await writeResult(resultPath(`latest-${result.subject}`), result)
  await writeFiles(result, context)
  if (result.cutShort) return 130
  const rounds = lists.flatMap(list => list.rounds)
  return rounds.some(round => round.void !== undefined || errorsOf(round) > 0) ? 1 : 0
}
