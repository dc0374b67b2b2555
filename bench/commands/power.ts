/** `power`: how often this bench, on this machine, calls a difference where there is none, and misses one of 5 %. */
import { compareScenarios, type MetricComparison } from '../compare.ts'
import { RunError } from '../errors.ts'
import { whole } from '../options.ts'
import type { ScenarioResult } from '../result/schema.ts'
import { chooseScenarios, type Scenario } from '../scenario.ts'
import type { Version } from '../service/subject.ts'
import { prepareVersions } from '../service/versions.ts'
import { median } from '../stats/summary.ts'
import type { Context } from './context.ts'
import { type ForkOptions, forkOptions, measureForks } from './forks.ts'
import { repository } from './open-subject.ts'

/** What a version is slowed down by to see whether it is noticed. */
const burntShare = 0.05

const same: Version = { key: 'base', name: 'A', root: repository }
const again: Version = { key: 'again', name: 'A again', root: repository }

/**
 * Runs the default `ab` of one scenario again and again, on three versions at a time: the working tree, itself, and itself
 * with 5 % more CPU per request. Prints how often a difference was called; returns 0, or 130 when it was cut short.
 */
export async function powerCommand(context: Context): Promise<number> {
  const { signal, print, values } = context
  const options = forkOptions(values)
  const repeat = whole('repeat', values.repeat, 20)
  const [scenario] = await chooseScenarios(values.scenario ?? ['get-user'])
  if (!scenario) throw new Error('no scenario was chosen')

  const cpuUs = await cpuOf(scenario, options, signal)
  const burnUs = cpuUs * burntShare
  print(`A takes ${cpuUs.toFixed(1)} µs of CPU per request, B ${burnUs.toFixed(1)} µs more.`)
  const slowed: Version = { key: 'slowed', name: 'B', root: repository, burnUs }
  const equal: MetricComparison[][] = []
  const unequal: MetricComparison[][] = []
  const prepared = await prepareVersions([same, again, slowed], signal)
  try {
    while (equal.length < repeat && !signal.aborted) {
      const { versions } = await measureForks(prepared, [scenario], options, signal)
      if (signal.aborted) break
      const [base = [], ...others] = versions
      for (const [i, runs] of [equal, unequal].entries()) {
        const judged = judgedOf(base, others[i] ?? [], options)
        runs.push(judged)
        print(
          `${i === 0 ? 'A against A' : 'A against B'}, run ${runs.length}: ${judged.map(lineOf).join('; ')}`,
        )
      }
    }
  } finally {
    await prepared.close()
  }
  print(`\nA against A: ${countsOf(equal)}\nA against B: ${countsOf(unequal)}`)
  return signal.aborted ? 130 : 0
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

function judgedOf(base: ScenarioResult[], head: ScenarioResult[], { mode }: ForkOptions): MetricComparison[] {
  const [comparison] = compareScenarios(base, head, { mode, isPaired: true, maxRegression: burntShare })
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
