/** The verdict of a report: how many rows passed, failed, were not verified, or were not measured. */
import type { Report, Section } from './document.ts'

export type Row = Section['rows'][number]

/** The four ways in which a row can end, in the order in which they are shown. */
export const OUTCOMES = ['passed', 'failed', 'not verified', 'not measured'] as const

export type Outcome = (typeof OUTCOMES)[number]

export type Verdict = Record<Outcome, number>

const UNMEASURED = 'not measured'

/** Returns how a row ended. A row of the measurements without figures is "not measured", not "not verified". */
export function outcomeOf(
  { id }: Pick<Section, 'id'>,
  { state, cells }: Pick<Row, 'state' | 'cells'>,
): Outcome {
  if (state === 'pass') return 'passed'
  if (state === 'fail') return 'failed'
  const isUnmeasured = id === 'performance' && cells.some(cell => cell.startsWith(UNMEASURED))
  return isUnmeasured ? UNMEASURED : 'not verified'
}

/** Returns the number of rows by outcome, of one section or of the whole report. */
export function verdictOf(sections: Report['sections']): Verdict {
  const verdict: Verdict = { passed: 0, failed: 0, 'not verified': 0, 'not measured': 0 }
  for (const section of sections) for (const row of section.rows) verdict[outcomeOf(section, row)] += 1
  return verdict
}

/** Returns the rows with an outcome, each with its section. */
export function rowsWith(report: Report, outcome: Outcome): { section: Section; row: Row }[] {
  return report.sections.flatMap(section =>
    section.rows.filter(row => outcomeOf(section, row) === outcome).map(row => ({ section, row })),
  )
}

/** Returns the first reason that the evidence gives for a row that did not pass; undefined where it gives none. */
export function reasonOf({ evidence }: Pick<Row, 'evidence'>): string | undefined {
  for (const item of evidence) {
    if (item.kind === 'exchange' && item.met === false) {
      const code = item.code === undefined ? '' : ` ${item.code}`
      const expected = item.expected === undefined ? '' : `, expected ${item.expected}`
      return `${item.request} with ${item.sent}: ${item.status}${code}${expected}`
    }
    if (item.kind === 'fact' && item.met === false) {
      return `${item.what}: ${item.value}${item.expected === undefined ? '' : `, expected ${item.expected}`}`
    }
  }
  return undefined
}
