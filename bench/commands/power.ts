/** `power`: how often this bench, on this machine, calls a difference where there is none, and misses one of 5 %. */
import { compareScenarios, type MetricComparison } from '../compare.ts'
import { loadOptions, whole } from '../options.ts'
import type { LoadOptions } from '../result/schema.ts'
import { chooseScenarios, type Scenario } from '../scenario.ts'
import type { Version } from '../service/subject.ts'
import { median } from '../stats/summary.ts'
import { pairDefaults } from './ab.ts'
import type { Context } from './context.ts'
import { repository } from './open-subject.ts'
import { measurePair, openPair } from './pair.ts'

/** What a version is slowed down by to see whether it is noticed. */
const burntShare = 0.05

/**
 * Runs the default `ab` of one scenario again and again: the working tree against itself, then against itself with 5 %
 * more CPU per request. Prints how often a difference was called; returns 0.
 */
export async function powerCommand(context: Context): Promise<number> {
  const options = loadOptions(context.values, pairDefaults)
  const repeat = whole('repeat', context.values.repeat, 20)
  const [scenario] = await chooseScenarios(context.values.scenario ?? ['get-user'])
  if (!scenario) throw new Error('no scenario was chosen')
  const same: Version = { key: 'base', name: 'A', root: repository }

  const again: Version = { ...same, key: 'again' }
  const equal = await repeatPairs('A against A', [same, again], scenario, repeat, options, context)
  const cpuUs = median(
    equal.flatMap(metrics => metrics.find(({ metric }) => metric === 'CPU/request')?.base ?? []),
  )
  const burnUs = cpuUs * burntShare
  const slowed: Version = { ...same, key: 'slowed', name: 'B', burnUs }
  const title = `A against A + ${burnUs.toFixed(1)} µs (5 % of its CPU)`
  await repeatPairs(title, [same, slowed], scenario, repeat, options, context)
  return context.signal.aborted ? 130 : 0
}

async function repeatPairs(
  title: string,
  versions: [Version, Version],
  scenario: Scenario,
  repeat: number,
  options: LoadOptions,
  context: Context,
): Promise<MetricComparison[][]> {
  const runs: MetricComparison[][] = []
  while (runs.length < repeat && !context.signal.aborted) {
    const metrics = await comparePair(versions, scenario, options, context)
    if (context.signal.aborted) break
    const judged = metrics.filter(metric => metric.judged)
    runs.push(judged)
    context.print(`${title}, run ${runs.length}: ${judged.map(lineOf).join('; ')}`)
  }
  const count = (verdict: string): number =>
    runs.filter(judged => judged.some(metric => metric.verdict === verdict)).length
  context.print(
    `\n${title}: ${runs.length} runs, called slower ${count('slower')}, faster ${count('faster')} times.\n`,
  )
  return runs
}

function lineOf({ metric, ratio, verdict }: MetricComparison): string {
  if (!ratio) return `${metric} ${verdict}`
  const [estimate, low, high] = [ratio.estimate, ratio.interval.low, ratio.interval.high].map(x =>
    x.toFixed(3),
  )
  return `${metric} ${estimate} (${low} to ${high}) ${verdict}`
}

/** Compares new processes each time, as `ab` does. */
async function comparePair(
  versions: [Version, Version],
  scenario: Scenario,
  options: LoadOptions,
  { signal }: Context,
): Promise<MetricComparison[]> {
  const { pair, close } = await openPair(versions, options, signal)
  try {
    const measured = await measurePair(pair, [scenario], options, signal)
    const terms = { mode: options.mode, isPaired: true, maxRegression: burntShare }
    return compareScenarios(measured.base, measured.scenarios, terms)[0]?.metrics ?? []
  } finally {
    await close()
  }
}
