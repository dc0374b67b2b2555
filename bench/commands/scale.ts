/** `scale`: the service with one worker and with several, in turns: throughput, capacity, and the memory each takes. */
import { UsageError } from '../../harness/errors.ts'
import type { Generator } from '../load/generator-client.ts'
import { withIdleConnections } from '../load/idle-connections.ts'
import { loadOptions } from '../options.ts'
import { renderGroup } from '../output/group.ts'
import { renderMemory } from '../output/memory.ts'
import { renderSweep } from '../output/sweep-table.ts'
import { takeFingerprint } from '../result/fingerprint.ts'
import type { Memory, Result, Sweep } from '../result/schema.ts'
import { chooseScenarios, type Scenario } from '../scenario.ts'
import type { ServiceSubject, Version } from '../service/subject.ts'
import { openVersions } from '../service/versions.ts'
import { sweepRates } from '../sweep.ts'
import { type Context, describe, withGenerator } from './context.ts'
import { groupOptions, measureGroup, publishGroups } from './group.ts'
import { repository } from './open-subject.ts'
import { createMeasure, readGoal, SWEEP_DEFAULTS, withWarmup } from './sweep.ts'

const IDLE_CONNECTIONS = 1000

/** Prints the tables and returns the exit code; see `publishGroups`. */
export async function scaleCommand(context: Context): Promise<number> {
  const { values, operands, signal } = context
  const counts = readCounts(operands)
  const options = groupOptions(values)
  const [scenario] = await chooseScenarios(values.scenario ?? ['get-user'])
  if (!scenario) throw new Error('no scenario was chosen')
  const opened = await openVersions(counts.map(versionOf), options, signal)
  try {
    const { subjects, postgres, environment } = opened
    const [reference] = subjects
    if (!reference) throw new Error('nothing was opened')
    // Before any load: a heap that has grown has room for all that an idle connection takes.
    const memory = await measureMemory(subjects, counts)
    const measured = await withGenerator(subjects, [scenario], options, async generator => {
      const group = await measureGroup(
        generator,
        { subjects, reference, scenarios: [scenario] },
        options,
        context,
      )
      return { groups: [group], sweeps: await sweepAll(generator, subjects, scenario, context) }
    })
    for (const group of measured.groups) context.print(`${renderGroup(group)}\n`)
    for (const sweep of measured.sweeps) context.print(`${renderSweep(sweep)}\n`)
    context.print(`${renderMemory(memory)}\n`)
    const fingerprint = await takeFingerprint(repository, postgres)
    const described = describe({ subject: { name: 'scale' }, fingerprint, environment }, context)
    const result: Result = { ...described, options, scenarios: [], memory, ...measured }
    return await publishGroups(result, context)
  } finally {
    await opened.close()
  }
}

function readCounts(operands: readonly string[]): number[] {
  const counts = operands.length === 0 ? [1, 2] : operands.map(Number)
  if (counts.every(count => Number.isInteger(count) && count >= 1)) return [...new Set(counts)]
  throw new UsageError(`scale takes numbers of workers, not "${operands.join(' ')}"`)
}

function versionOf(count: number): Version {
  return {
    key: `workers_${count}`,
    name: count === 1 ? '1 worker' : `${count} workers`,
    root: repository,
    environment: { WORKERS: String(count) },
  }
}

async function measureMemory(
  subjects: readonly ServiceSubject[],
  counts: readonly number[],
): Promise<Memory[]> {
  const memory: Memory[] = []
  for (const [i, subject] of subjects.entries()) {
    const { origin, name } = subject
    const path = '/health/live'
    // The first connection compiles the code of all others.
    await withIdleConnections({ origin, path, count: 1 }, async () => {})
    const { rssBytes: startBytes } = await subject.readCollected()
    const { rssBytes } = await withIdleConnections({ origin, path, count: IDLE_CONNECTIONS }, () =>
      subject.readCollected(),
    )
    const count = counts[i] ?? 1
    memory.push({
      subject: name,
      processes: count === 1 ? 1 : count + 1,
      startBytes,
      perConnectionBytes: (rssBytes - startBytes) / IDLE_CONNECTIONS,
    })
  }
  return memory
}

async function sweepAll(
  generator: Generator,
  subjects: readonly ServiceSubject[],
  scenario: Scenario,
  context: Context,
): Promise<Sweep[]> {
  const { values, signal } = context
  const options = loadOptions(values, SWEEP_DEFAULTS)
  const sweeps: Sweep[] = []
  for (const subject of subjects) {
    if (signal.aborted) break
    const { measureStep, readWarmup } = createMeasure(generator, subject, scenario, context)
    const sweep = await sweepRates(measureStep, scenario, options, readGoal(values))
    sweeps.push(...withWarmup([{ ...sweep, subject: subject.name }], readWarmup()))
  }
  return sweeps
}
