/** The table of a comparison, and what it could and could not see. */
import {
  EXIT_CODES,
  exitCodeOfComparison,
  type MetricComparison,
  type ScenarioComparison,
} from '../compare.ts'
import { formatNumber, markdownTable } from './table.ts'

const HEAD = ['Metric', 'First', 'Second', 'Ratio', '95 % interval', 'Noise', 'Detectable', 'Verdict']

/** Returns tables of ratios (head over base), one for each scenario, with a verdict per row, and a sentence that sums it up. */
export function renderComparison(
  comparisons: readonly ScenarioComparison[],
  names: { base: string; head: string },
  maxRegression: number,
): string {
  return [
    `First: ${names.base}. Second: ${names.head}.`,
    '',
    ...(comparisons.length === 0 ? ['Nothing was measured of both.', ''] : comparisons.flatMap(section)),
    'Ratio: second over first. Noise: how far two runs of the same code are apart. Detectable: the',
    'smallest effect that this run would have found 4 times of 5. Rows in parentheses are shown, not',
    'judged.',
    '',
    conclusion(comparisons, maxRegression),
  ].join('\n')
}

/** A table of its own for each scenario: with its name in a column, rows are wider than a terminal of 100. */
function section({ scenario, metrics }: ScenarioComparison): string[] {
  const table =
    metrics.length === 0 ? 'No round of both is left to compare.' : markdownTable(HEAD, metrics.map(cells))
  return [`${scenario}:`, '', table, '']
}

function cells({ metric, base, head, ratio, judged, verdict }: MetricComparison): string[] {
  const word = judged ? verdict : `(${verdict})`
  const values = [metric, formatNumber(base), formatNumber(head)]
  if (!ratio) return [...values, '–', '–', '–', '–', word]
  const { estimate, interval, noiseFloor, detectable } = ratio
  return [
    ...values,
    estimate.toFixed(3),
    `${interval.low.toFixed(3)}–${interval.high.toFixed(3)}`,
    `±${percent(noiseFloor)}`,
    percent(detectable),
    word,
  ]
}

function conclusion(comparisons: readonly ScenarioComparison[], maxRegression: number): string {
  const limit = percent(maxRegression)
  const disturbed = comparisons.filter(comparison => comparison.disturbed).map(({ scenario }) => scenario)
  const names = (wanted: 'regressed' | 'undecided'): string =>
    comparisons
      .filter(comparison => comparison[wanted])
      .map(({ scenario }) => scenario)
      .join(', ')
  switch (exitCodeOfComparison(comparisons)) {
    case EXIT_CODES.regression:
      return `Slower by more than ${limit}: ${names('regressed')}.`
    case EXIT_CODES.tooNoisy:
      if (disturbed.length > 0)
        return `Cannot tell: others took too much of the CPU in more than half of the rounds: ${disturbed.join(', ')}.`
      return `Too much noise to rule out a regression of ${limit}: ${names('undecided')}.`
    default:
      return `Nothing is slower by more than ${limit}.`
  }
}

function percent(share: number): string {
  return `${(share * 100).toFixed(share < 1 ? 1 : 0)} %`
}
