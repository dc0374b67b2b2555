/** The lines under the tables: what a reader must know before they believe the figures. */
import { errorsOf, isDisturbed } from '../result/figures.ts'
import type { Measurement, Result, ScenarioResult, Warmup } from '../result/schema.ts'
import { plural } from './text.ts'

export type LabelledRounds = {
  label: string
  rounds: readonly Measurement[]
  warmup?: Warmup | undefined
}

/** Returns the rounds of each scenario of each subject, under the names of both. */
export function labelRounds(
  subjects: readonly { name: string; scenarios: readonly ScenarioResult[] }[],
): LabelledRounds[] {
  return subjects.flatMap(({ name, scenarios }) =>
    scenarios.map(scenario => ({ ...scenario, label: `${name}, ${scenario.name}` })),
  )
}

/** Returns what is to be said of the whole result: its end, its length, and its settings. */
export function resultLines({ cutShort, quick, environment }: Result): string[] {
  const settings = Object.entries(environment).map(([name, value]) => `${name}=${value}`)
  return [
    ...(cutShort ? ['CUT SHORT: not all rounds were run.'] : []),
    ...(quick ? ['QUICK: short rounds; good for a first look, not for a comparison.'] : []),
    ...(settings.length > 0 ? [`Unlike production: ${settings.join(', ')}.`] : []),
  ]
}

/** Returns what is to be said of the rounds: void, failed, disturbed, or recorded before the server was warm. */
export function roundLines(lists: readonly LabelledRounds[], busyLimit?: number): string[] {
  return [
    ...voidLines(lists),
    ...failedLines(lists),
    ...reconnectedLines(lists),
    ...disturbedLines(lists, busyLimit),
    ...coldLines(lists),
  ]
}

/** Returns a line for each list of rounds in which some are void. */
export function voidLines(lists: readonly LabelledRounds[]): string[] {
  return lists.flatMap(({ label, rounds }) => {
    const voids = rounds.filter(round => round.void)
    return voids.length === 0
      ? []
      : [`VOID ${label}, ${voids.length} of ${plural(rounds.length, 'round')}: ${voids[0]?.void}.`]
  })
}

/** Returns a line for each list of rounds in which some requests failed, with the reasons and how often each was met. */
export function failedLines(lists: readonly LabelledRounds[]): string[] {
  return lists.flatMap(({ label, rounds }) => {
    const errors = rounds.reduce((sum, round) => sum + errorsOf(round), 0)
    return errors === 0 ? [] : [`FAILED ${label}: ${plural(errors, 'error')} (${describeErrors(rounds)}).`]
  })
}

/** One connection for fewer requests than these is worth a line: it takes some 100 µs of both sides. */
const REQUESTS_PER_CONNECTION = 1000

/** Returns a line for each list of rounds whose server made the load open many connections. */
export function reconnectedLines(lists: readonly LabelledRounds[]): string[] {
  return lists.flatMap(({ label, rounds }) => {
    const connects = rounds.reduce((sum, round) => sum + (round.connects ?? 0), 0)
    const requests = rounds.reduce((sum, round) => sum + responsesOf(round), 0)
    const share = requests / connects
    if (connects === 0 || share >= REQUESTS_PER_CONNECTION) return []
    const count = share < 10 ? share.toFixed(1) : share.toFixed(0)
    const every = count === '1.0' ? 'request' : `${count} requests`
    return [`RECONNECTED ${label}: a new connection for every ${every}. No latency has that time in it.`]
  })
}

function responsesOf({ endpoints }: Measurement): number {
  return endpoints.reduce((sum, { requests, unexpected }) => sum + requests + unexpected, 0)
}

/** Returns a line for each list of rounds in which others took more of the CPU than the limit. */
export function disturbedLines(lists: readonly LabelledRounds[], busyLimit = 1): string[] {
  return lists.flatMap(({ label, rounds }) => {
    const disturbed = rounds.filter(round => isDisturbed(round, busyLimit))
    if (disturbed.length === 0) return []
    const most = Math.max(...disturbed.map(({ othersCpu = 0 }) => othersCpu))
    const count = `${disturbed.length} of ${plural(rounds.length, 'round')}`
    return [
      `DISTURBED ${label}, ${count}: others took more than ${percent(busyLimit)} of the CPU, at most ${percent(most)}.`,
    ]
  })
}

/** Returns the reasons of the errors, the most frequent first: `10 × status 503, 2 × other side closed`. */
export function describeErrors(rounds: readonly Measurement[]): string {
  const counts = new Map<string, number>()
  const count = (reason: string, times: number) => counts.set(reason, (counts.get(reason) ?? 0) + times)
  for (const { failures, endpoints } of rounds) {
    for (const [reason, times] of Object.entries(failures)) count(reason, times)
    for (const { unexpected, statuses } of endpoints) {
      // Which of the statuses were expected is not in a result. Where there is only one, it is the one.
      if (unexpected === 0) continue
      const foreign = Object.entries(statuses).filter(([status]) => !status.startsWith('2'))
      const total = foreign.reduce((sum, [, times]) => sum + times, 0)
      if (total === unexpected) for (const [status, times] of foreign) count(`status ${status}`, times)
      else count('unexpected status', unexpected)
    }
  }
  return [...counts]
    .sort(([, a], [, b]) => b - a)
    .map(([reason, times]) => `${times} × ${reason}`)
    .join(', ')
}

/** Returns a line for each list whose first round began before the server was warm. */
export function coldLines(lists: readonly LabelledRounds[]): string[] {
  return lists.flatMap(({ label, warmup }) =>
    warmup === undefined || warmup.steady
      ? []
      : [`NOT WARM ${label}: still getting faster after ${round(warmup.seconds)} s of load.`],
  )
}

function round(value: number): string {
  return String(Number(value.toPrecision(3)))
}

function percent(share: number): string {
  return `${Number((share * 100).toFixed(0))} %`
}
