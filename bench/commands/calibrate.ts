/** `calibrate`: how often `ab` on this machine reports a difference where there is none, and misses one of 5 %. */

import { RunError } from '../../harness/errors.ts'
import { compareScenarios, type MetricComparison } from '../compare.ts'
import { whole } from '../options.ts'
import { takeFingerprint } from '../result/fingerprint.ts'
import type { Group, ScenarioResult } from '../result/schema.ts'
import { resultPath, writeResult } from '../result/store.ts'
import { chooseScenarios, type Scenario } from '../scenario.ts'
import type { Version } from '../service/subject.ts'
import { type Prepared, prepareVersions } from '../service/versions.ts'
import { median } from '../stats/summary.ts'
import { type Context, describe } from './context.ts'
import { type ForkOptions, forkOptions, measureForks } from './forks.ts'
import { repository } from './open-subject.ts'
import { writeFiles } from './run.ts'

/** What a version is slowed down by to see whether it is noticed. */
const BURNT_SHARE = 0.05

const same: Version = { key: 'base', name: 'A', root: repository }
const again: Version = { key: 'again', name: 'A again', root: repository }

/**
 * Runs the default `ab` of one scenario again and again, on three versions at a time: the working tree, itself, and itself
 * with 5 % more CPU per request. Prints how often a difference was called, and keeps all rounds as `latest-calibrate`, each
 * comparison a group. Returns 0, or 130 when it was cut short.
 */
export async function calibrateCommand(context: Context): Promise<number> {
  const { signal, print, values } = context
  const options = forkOptions(values)
  const repeat = whole('repeat', values.repeat, 20)
  const [scenario] = await chooseScenarios(values.scenario ?? ['get-user'])
  if (!scenario) throw new Error('no scenario was chosen')

  const cpuUs = await cpuOf(scenario, options, signal)
  const burnUs = cpuUs * BURNT_SHARE
  print(`A takes ${cpuUs.toFixed(1)} µs of CPU per request, B ${burnUs.toFixed(1)} µs more.`)
  const slowed: Version = { key: 'slowed', name: 'B', root: repository, burnUs }
  const prepared = await prepareVersions([same, again, slowed], signal)
  const kinds: Kind[] = [again, slowed].map(({ name }) => ({ name, runs: [] }))
  try {
    const groups: Group[] = []
    const fingerprint = await takeFingerprint(repository, prepared.postgres)
    const resultNow = () => ({
      ...describe({ ...prepared, subject: { name: 'calibrate' }, fingerprint }, context),
      options,
      scenarios: [],
      groups,
    })
    for (let run = 1; run <= repeat && !signal.aborted; run++) {
      const { versions } = await measureForks(prepared, [scenario], options, signal)
      if (signal.aborted) break
      const [base = [], ...others] = versions
      for (const [i, { name, runs }] of kinds.entries()) {
        const judged = judgedOf(base, others[i] ?? [], options)
        runs.push(judged)
        print(`A against ${name}, run ${run}: ${judged.map(lineOf).join('; ')}`)
      }
      groups.push(groupOf(versions, prepared, options))
      // After each: an hour is a lot to lose.
      await writeResult(resultPath('latest-calibrate'), resultNow())
    }
    await writeResult(resultPath('latest-calibrate'), resultNow())
    await writeFiles(resultNow(), context)
  } finally {
    await prepared.close()
  }
  print('')
  for (const { name, runs } of kinds) print(`A against ${name}: ${countsOf(runs)}`)
  return signal.aborted ? 130 : 0
}

/** What A is compared with, and how each comparison came out. */
type Kind = {
  name: string
  runs: MetricComparison[][]
}

/** Beside another, as in a comparison: by itself it would find its code and its data in the caches. */
async function cpuOf(scenario: Scenario, options: ForkOptions, signal: AbortSignal): Promise<number> {
  const prepared = await prepareVersions([same, again], signal)
  try {
    const { versions } = await measureForks(prepared, [scenario], { ...options, forks: 2 }, signal)
    const rounds = versions.flatMap(([alone]) => alone?.rounds ?? [])
    const cpuUs = median(rounds.flatMap(({ server }) => server?.cpuUsPerRequest ?? []))
    if (Number.isNaN(cpuUs) && !signal.aborted) throw new RunError('the CPU of a request could not be read')
    return cpuUs
  } finally {
    await prepared.close()
  }
}

function groupOf(rounds: readonly ScenarioResult[][], { versions }: Prepared, options: ForkOptions): Group {
  const subjects = versions.map(({ version }, i) => ({ name: version.name, scenarios: rounds[i] ?? [] }))
  return { options, reference: same.name, connections: {}, subjects }
}

function judgedOf(base: ScenarioResult[], head: ScenarioResult[], { mode }: ForkOptions): MetricComparison[] {
  const [comparison] = compareScenarios(base, head, { mode, isPaired: true, maxRegression: BURNT_SHARE })
  return comparison?.metrics.filter(metric => metric.judged) ?? []
}

function lineOf({ metric, ratio, verdict }: MetricComparison): string {
  if (!ratio) return `${metric} ${verdict}`
  const [estimate, low, high] = [ratio.estimate, ratio.interval.low, ratio.interval.high].map(x =>
    x.toFixed(3),
  )
  return `${metric} ${estimate} (${low} to ${high}) ${verdict}`
}

function countsOf(runs: readonly MetricComparison[][]): string {
  const count = (verdict: string): number =>
    runs.filter(judged => judged.some(metric => metric.verdict === verdict)).length
  return `${runs.length} runs, called slower ${count('slower')}, faster ${count('faster')} times.`
}
