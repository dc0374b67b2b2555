/** The tables of an ablation: what each feature costs, and what each shortcut saves. */

import { headlineOf, scenarioNames } from '../output/group.ts'
import { formatNumber, markdownTable } from '../output/table.ts'
import { tableRows } from '../result/figures.ts'
import type { Group, Measurement } from '../result/schema.ts'
import {
  blockDifferences,
  type Difference,
  sumDifferences,
  summarizeDifferences,
} from '../stats/difference.ts'
import type { Variant } from './variants.ts'

/** How the subjects of an ablation are called. */
export const SUBJECT_NAMES = {
  everything: 'everything on',
  without: (variant: string): string => `without ${variant}`,
  withoutAll: (kind: Variant['kind']): string => `without all ${kind}s`,
}

/** What is compared: CPU as it is, throughput by its logarithm, so that ratios add up. */
const metrics = {
  cpu: (round: Measurement) => round.server?.cpuUsPerRequest,
  throughput: (round: Measurement) => Math.log(round.rate),
}

type Differences = Record<keyof typeof metrics, (number | undefined)[]>

/** Returns, for each scenario, a table of the features and one of the shortcuts that were switched off. */
export function renderAblation(group: Group, chosen: readonly Variant[]): string {
  return scenarioNames(group)
    .map(scenario => renderScenario(group, scenario, chosen))
    .join('\n\n')
}

function renderScenario(group: Group, scenario: string, chosen: readonly Variant[]): string {
  const everything = roundsOf(group, SUBJECT_NAMES.everything, scenario)
  if (everything.length === 0) return `${headlineOf(group, scenario)}\nNothing was measured.`
  const kinds = (['feature', 'shortcut'] as const).filter(kind => chosen.some(one => one.kind === kind))
  return [
    headlineOf(group, scenario),
    whole(scenario, everything),
    ...kinds.flatMap(kind => [
      '',
      headings[kind].title,
      '',
      renderTable(
        group,
        scenario,
        chosen.filter(one => one.kind === kind),
      ),
    ]),
  ].join('\n')
}

// For a shortcut the sign of the CPU is turned, so that what it saves is positive. The throughput's stays: features lose
// some, shortcuts gain some.
const headings = {
  feature: {
    title: 'What each feature costs: everything on, less the same without it (95 % interval).',
    sign: 1,
    columns: ['Feature', 'CPU µs/request', 'Throughput'],
  },
  shortcut: {
    title: 'What each shortcut saves: the service without it, less everything on (95 % interval).',
    sign: -1,
    columns: ['Shortcut', 'CPU µs/request saved', 'Throughput gained'],
  },
} as const

function whole(scenario: string, rounds: Measurement[]): string {
  const [row] = tableRows({ name: scenario, rounds })
  if (!row) throw new Error(`there is no row of ${scenario}`)
  const cpu = row.server ? `, ${formatNumber(row.server.cpuUsPerRequest)} µs of CPU per request` : ''
  return `With everything on: ${formatNumber(row.throughput)} rps${cpu}.`
}

function renderTable(group: Group, scenario: string, chosen: readonly Variant[]): string {
  const [{ kind } = { kind: 'feature' as const }] = chosen
  const { columns, sign } = headings[kind]
  const without = (name: string): Differences => differencesTo(group, name, scenario, sign)
  const each = chosen.map(({ name, what }) => ({
    label: `${name}: ${what}`,
    differences: without(SUBJECT_NAMES.without(name)),
  }))
  const ends = [
    {
      label: 'the sum of these',
      differences: {
        cpu: sumDifferences(each.map(({ differences }) => differences.cpu)),
        throughput: sumDifferences(each.map(({ differences }) => differences.throughput)),
      },
    },
    { label: 'all of these off at once', differences: without(SUBJECT_NAMES.withoutAll(kind)) },
  ]
  // Of one there is no sum.
  const rows = (chosen.length > 1 ? [...each, ...ends] : each).map(({ label, differences }) => [
    label,
    cpuCell(summarizeDifferences(differences.cpu)),
    throughputCell(summarizeDifferences(differences.throughput)),
  ])
  return markdownTable(columns, rows)
}

/** Returns what everything on takes more than `name`, or less where the sign is turned, block by block. */
function differencesTo(group: Group, name: string, scenario: string, sign: 1 | -1): Differences {
  const [on, off] = [SUBJECT_NAMES.everything, name].map(subject => roundsOf(group, subject, scenario))
  const read = (rounds: readonly Measurement[] = [], metric: keyof typeof metrics) =>
    rounds.map(round => (round.void === undefined ? metrics[metric](round) : undefined))
  const [cpuOn, cpuOff] = [read(on, 'cpu'), read(off, 'cpu')]
  return {
    cpu: sign === 1 ? blockDifferences(cpuOn, cpuOff) : blockDifferences(cpuOff, cpuOn),
    throughput: blockDifferences(read(on, 'throughput'), read(off, 'throughput')),
  }
}

function cpuCell(difference: Difference | undefined): string {
  return cell(difference, withMinus)
}

function throughputCell(difference: Difference | undefined): string {
  return cell(difference, logarithm => `${withMinus(Math.expm1(logarithm) * 100)} %`)
}

function cell(difference: Difference | undefined, show: (value: number) => string): string {
  if (!difference) return '–'
  const { estimate, interval } = difference
  return `${show(estimate)} (${show(interval.low)} to ${show(interval.high)})`
}

function withMinus(value: number): string {
  const text = Math.abs(value).toFixed(1)
  return value < 0 && Number(text) !== 0 ? `−${text}` : text
}

function roundsOf({ subjects }: Group, name: string, scenario: string): Measurement[] {
  const found = subjects.find(subject => subject.name === name)
  return found?.scenarios.find(one => one.name === scenario)?.rounds ?? []
}
