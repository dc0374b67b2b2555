/** Prints the verdicts of a self-test: a line for each trial, and a table at the end. */
import { HARMLESS } from './harmless.ts'
import { isRight } from './judge.ts'
import type { Judged, SelfTest } from './self-test.ts'

/** Longer lines are cut; the JSON has all of them. */
const MAX_LINE = 400

/** Returns the lines about one trial. */
export function describeTrial({
  name,
  kind,
  ticked,
  absent,
  alarms,
  seconds,
  error,
  reasons = {},
}: Judged): string {
  const isFine = ticked.length + absent.length + alarms.length === 0 && error === undefined
  return [
    `${isFine ? 'ok  ' : 'FAIL'} ${seconds.toFixed(0).padStart(3)} s  ${kind}: ${name}`,
    ...(error === undefined ? [] : [`            no report: ${error.split('\n', 1)[0]}`]),
    ...ticked.map(key => `            still ticked: ${key}`),
    ...absent.map(key => `            no such row:  ${key}`),
    ...alarms.map(key => `            false alarm:  ${key}: ${reasons[key] ?? ''}`.slice(0, MAX_LINE)),
  ].join('\n')
}

const COLUMNS = ['trials', 'right', 'false ticks', 'no such row', 'false alarms', 'no report'] as const

/** Returns the table: one line for each kind, and the total. */
export function renderTable({ trials, unticked, seconds, cpuSeconds }: SelfTest): string {
  const kinds = [...new Set(trials.map(({ kind }) => kind))]
  const sabotages = trials.filter(({ kind }) => kind !== HARMLESS)
  const rows = [
    ...kinds.map(kind => [kind, ...countsOf(trials.filter(trial => trial.kind === kind))]),
    ['all', ...countsOf(trials)],
  ]
  const turned = sabotages.filter(isTurned).length
  return [['', ...COLUMNS], ...rows]
    .map(([name = '', ...cells]) =>
      [name.padEnd(20), ...cells.map((cell, index) => cell.padStart(COLUMNS[index]?.length ?? 0))].join('  '),
    )
    .concat(
      '',
      `The right rows turned in ${turned} of ${sabotages.length} sabotages.`,
      ...(unticked.length > 0 ? [`Without a tick in the healthy service: ${unticked.join(', ')}.`] : []),
      `${seconds.toFixed(0)} s, ${cpuSeconds.toFixed(0)} s of CPU.`,
    )
    .join('\n')
}

function isTurned(trial: Judged): boolean {
  return trial.error === undefined && isRight(trial)
}

function countsOf(trials: readonly Judged[]): string[] {
  return [
    trials.length,
    trials.filter(isTurned).length,
    trials.filter(({ ticked }) => ticked.length > 0).length,
    trials.filter(({ absent }) => absent.length > 0).length,
    trials.filter(({ alarms }) => alarms.length > 0).length,
    trials.filter(({ error }) => error !== undefined).length,
  ].map(String)
}
