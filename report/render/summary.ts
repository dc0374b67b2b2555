/** Renders the result of a report for a terminal: the rows that did not pass, the counts, and where the files are. */
import type { Report } from '../document/document.ts'
import { OUTCOMES, type Outcome, reasonOf, rowsWith, verdictOf } from '../document/verdict.ts'
import { oneLine } from './one-line.ts'

export type SummaryOptions = {
  /** The files that were written, the first of them for people. */
  files: readonly string[]
  /** Whether the text may have colours. */
  colours: boolean
}

/** What a terminal has at least. */
const WIDTH = 80

const MARKS: Record<Outcome, { mark: string; colour: number }> = {
  passed: { mark: '✓', colour: 32 },
  failed: { mark: '✗', colour: 31 },
  'not verified': { mark: '?', colour: 33 },
  'not measured': { mark: '–', colour: 2 },
}

/** Rows of one outcome that are listed. The files have all of them. */
const MAX_LISTED = 20

/** Returns the lines of the summary, with a line end at its end. No line is wider than 80 columns. */
export function renderSummary(report: Report, { files, colours }: SummaryOptions): string {
  const paint = (code: number, text: string) => (colours ? `\u001b[${code}m${text}\u001b[0m` : text)
  const lists = (['failed', 'not verified'] as const).flatMap(outcome => listRows(report, outcome, paint))
  const verdict = verdictOf(report.sections)
  const counts = OUTCOMES.filter(outcome => outcome === 'passed' || verdict[outcome] > 0).map(outcome => {
    const { mark, colour } = MARKS[outcome]
    return paint(colour, `${mark} ${verdict[outcome]} ${outcome}`)
  })
  return `${[
    ...wrap(`Backend Implementation Report – ${oneLine(report.feature)} (${report.date})`, ''),
    '',
    ...lists,
    counts.join('   '),
    ...files.map(file => `  ${file}`),
  ].join('\n')}\n`
}

type Paint = (code: number, text: string) => string

function listRows(report: Report, outcome: 'failed' | 'not verified', paint: Paint): string[] {
  const found = rowsWith(report, outcome)
  if (found.length === 0) return []
  const { mark, colour } = MARKS[outcome]
  const listed = found.slice(0, MAX_LISTED).flatMap(({ section, row }) => {
    const [first = '', ...rest] = wrap(`${section.title}: ${row.cells.map(oneLine).join(' | ')}`, '    ')
    const reason = reasonOf(row)
    return [
      `  ${paint(colour, mark)} ${first.slice(4)}`,
      ...rest,
      ...(reason === undefined ? [] : wrap(oneLine(reason), '      ')),
    ]
  })
  const more = found.length - MAX_LISTED
  return [...listed, ...(more > 0 ? [`  and ${more} more rows ${outcome}`] : []), '']
}

/** Returns the text as lines within the width, each indented. Control characters are removed: a cell cannot move the cursor. */
function wrap(text: string, indent: string): string[] {
  const width = WIDTH - indent.length
  const lines: string[] = []
  let line = ''
  const words = printable(text)
    .split(' ')
    .flatMap(word => split(word, width))
  for (const word of words) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line)
      line = ''
    }
    line = line === '' ? word : `${line} ${word}`
  }
  return [...lines, line].map(content => indent + content)
}

function split(word: string, width: number): string[] {
  const parts = Math.max(1, Math.ceil(word.length / width))
  return Array.from({ length: parts }, (_, index) => word.slice(index * width, (index + 1) * width))
}

function printable(text: string): string {
  return text.replaceAll(/\p{Cc}|\p{Cf}/gu, '')
}
