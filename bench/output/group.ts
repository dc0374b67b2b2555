/** The tables of subjects that took turns: their figures, and their ratios to one another. */
import { compareRounds, type MetricComparison } from '../compare.ts'
import { GROUP_METRICS } from '../metrics.ts'
import { type Row, tableRows } from '../result/figures.ts'
import type { Group, Measurement } from '../result/schema.ts'
import { formatMebibytes, formatMs, formatNumber, markdownTable } from './table.ts'
import { plural } from './text.ts'

type Member = Group['subjects'][number]

/** Returns, for each scenario, everyone's figures, and everyone's ratios to the reference. */
export function renderGroup(group: Group): string {
  const { reference } = group
  return scenarioNames(group)
    .map(scenario => {
      if (!wasMeasured(group, scenario)) return `${headlineOf(group, scenario)}\nNothing was measured.`
      return [
        headlineOf(group, scenario),
        '',
        renderFigures(group, scenario),
        '',
        `${scenario}, ratio to ${reference} (95 % interval):`,
        '',
        renderRatios(
          group,
          scenario,
          others(group, reference).map(head => ({ label: head.name, base: find(group, reference), head })),
        ),
      ].join('\n')
    })
    .join('\n\n')
}

/** Returns, for each scenario that was measured, the ratios of the subject `name` to every other. */
export function renderAgainstEach(group: Group, name: string): string {
  return scenarioNames(group)
    .filter(scenario => wasMeasured(group, scenario))
    .map(scenario =>
      [
        `${scenario}, ratio of ${name} to each (95 % interval):`,
        '',
        renderRatios(
          group,
          scenario,
          others(group, name).map(base => ({ label: `to ${base.name}`, base, head: find(group, name) })),
        ),
      ].join('\n'),
    )
    .join('\n\n')
}

function wasMeasured({ subjects }: Group, scenario: string): boolean {
  return subjects.some(member => roundsOf(member, scenario).length > 0)
}

/** Returns what was measured, in one line. */
export function headlineOf(group: Group, scenario: string): string {
  const { rounds, duration } = group.options
  return `${scenario}: ${loadOf(group, scenario)}, ${plural(rounds, 'round')} of ${duration} s in turns.`
}

function loadOf({ options, connections }: Group, scenario: string): string {
  if (options.mode === 'open') return `open loop, ${formatNumber(options.rate ?? 0)}/s ${options.arrivals}`
  return `closed loop, ${plural(connections[scenario] ?? options.connections, 'connection')}`
}

/** Returns the scenarios, in the order in which they were measured. */
export function scenarioNames({ subjects }: Group): string[] {
  return subjects[0]?.scenarios.map(({ name }) => name) ?? []
}

function renderFigures({ subjects }: Group, scenario: string): string {
  const rows = subjects.flatMap(({ name, scenarios }) =>
    scenarios
      .filter(found => found.name === scenario && found.rounds.length > 0)
      .flatMap(found => tableRows(found).slice(0, 1))
      .map(row => [name, ...figures(row)]),
  )
  return markdownTable(['Subject', 'Throughput', 'CPU µs/req', 'p50', 'p99', 'RSS'], rows)
}

function figures({ throughput, server, p50Ms, p99Ms }: Row): string[] {
  return [
    `${formatNumber(throughput)} rps`,
    server ? formatNumber(server.cpuUsPerRequest) : '–',
    ...[p50Ms, p99Ms].map(formatMs),
    server ? formatMebibytes(server.rssBytes) : '–',
  ]
}

type Pair = {
  label: string
  base: Member
  head: Member
}

function renderRatios({ options }: Group, scenario: string, pairs: readonly Pair[]): string {
  const names = GROUP_METRICS.map(({ name }) => name)
  const terms = { metrics: GROUP_METRICS, mode: options.mode, isPaired: true }
  const rows = pairs.map(({ label, base, head }) => {
    const compared = compareRounds(roundsOf(base, scenario), roundsOf(head, scenario), terms)
    return [label, ...names.map(name => ratioCell(compared.find(({ metric }) => metric === name)))]
  })
  return markdownTable(['Subject', ...names], rows)
}

function ratioCell(comparison: MetricComparison | undefined): string {
  if (!comparison?.ratio) return '–'
  const { estimate, interval } = comparison.ratio
  return `${estimate.toFixed(2)} (${interval.low.toFixed(2)}–${interval.high.toFixed(2)})`
}

function roundsOf({ scenarios }: Member, name: string): Measurement[] {
  return scenarios.find(scenario => scenario.name === name)?.rounds ?? []
}

function others({ subjects }: Group, name: string): Member[] {
  return subjects.filter(subject => subject.name !== name)
}

function find({ subjects }: Group, name: string): Member {
  const found = subjects.find(subject => subject.name === name)
  if (!found) throw new Error(`${name} was not measured`)
  return found
}
