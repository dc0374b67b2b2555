/** Finds where a Markdown text deviates from the format of the Backend Implementation Report. */
import type { SectionForm } from '../sections/form.ts'
import { FORMS } from '../sections/forms.ts'
import { checkDrawing } from '../sections/middleware/check-drawing.ts'
import { createMeasureCheck } from '../sections/security/measures.ts'
import { checkCells } from './cells.ts'

/** `line` counts from 1. */
export type Deviation = { line: number; message: string }

type Line = { number: number; text: string }
type Report = (line: Line | undefined, message: string) => void

/** The sample has placeholders for a name and a day. */
const TITLE = /^## Backend Implementation Report – (\S|\S.*\S) \((\d{4}-\d{2}-\d{2}|<date>)\)$/

/** Returns the deviations in the order of their lines; none where the text is a valid report. */
export function lint(text: string): Deviation[] {
  const deviations: Deviation[] = []
  const lines = linesOf(text)
  const last = lines.at(-1) ?? { number: 1, text: '' }
  const report: Report = (line, message) => deviations.push({ line: (line ?? last).number, message })
  checkCharacters(lines, report)
  const [title, blank, ...rest] = lines
  checkTitle(title, report)
  if (blank && blank.text !== '') report(blank, 'the title is followed by an empty line')
  checkSections(blank?.text === '' ? rest : lines.slice(1), report)
  return deviations.toSorted((a, b) => a.line - b.line)
}

/** Returns the lines without their common indentation: the sample in the document is indented. */
function linesOf(text: string): Line[] {
  const all = text.replace(/\n+$/, '').split('\n')
  const indents = all.filter(line => line.trim() !== '').map(line => /^ */.exec(line)?.[0].length ?? 0)
  const indent = Math.min(...indents, 4)
  const first = all.findIndex(line => line.trim() !== '')
  return all
    .map((line, index) => ({ number: index + 1, text: line.slice(indent) }))
    .slice(first === -1 ? 0 : first)
}

function checkCharacters(lines: readonly Line[], report: Report): void {
  for (const line of lines) {
    if (line.text.includes('\r')) report(line, 'a line ends with a carriage return')
    else if (/\s$/.test(line.text)) report(line, 'there are spaces at the end of the line')
    if (line.text.includes('\t')) report(line, 'there is a tab')
  }
}

function checkTitle(line: Line | undefined, report: Report): void {
  const [, , date] = TITLE.exec(line?.text ?? '') ?? []
  if (date === undefined) {
    report(line, 'the title is "## Backend Implementation Report – <feature> (YYYY-MM-DD)", with an en dash')
  } else if (date !== '<date>' && !isDay(date)) report(line, `${date} is not a day`)
}

function isDay(date: string): boolean {
  const time = Date.parse(`${date}T00:00:00Z`)
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(date)
}

function checkSections(lines: readonly Line[], report: Report): void {
  const { prose, sections } = splitSections(lines)
  for (const line of prose) if (line.text !== '') report(line, 'there is prose before the first section')
  for (const [index, form] of FORMS.entries()) {
    const section = sections[index]
    if (!section) {
      report(undefined, `the section "${form.title}" is missing`)
      continue
    }
    if (section.heading.text !== `### ${form.title}`) {
      report(section.heading, `section ${index + 1} is "### ${form.title}"`)
      continue
    }
    checkSection(form, section, index === sections.length - 1, report)
  }
  for (const { heading } of sections.slice(FORMS.length))
    report(heading, 'there are more than eight sections')
}

type Found = { heading: Line; body: Line[] }

function splitSections(lines: readonly Line[]): { prose: Line[]; sections: Found[] } {
  const prose: Line[] = []
  const sections: Found[] = []
  let isFenced = false
  for (const line of lines) {
    if (line.text.startsWith('```')) isFenced = !isFenced
    const current = sections.at(-1)
    if (/^#+ /.test(line.text) && !isFenced) sections.push({ heading: line, body: [] })
    else if (current) current.body.push(line)
    else prose.push(line)
  }
  return { prose, sections }
}

function checkSection(form: SectionForm, { heading, body }: Found, isLast: boolean, report: Report): void {
  const content = body.slice(0, isLast ? undefined : -1)
  const closing = body.at(-1)
  if (!isLast && closing?.text !== '')
    report(closing ?? heading, 'an empty line stands before the next section')
  const blank = content.find(({ text }) => text.trim() === '')
  if (blank && form.id !== 'middleware') report(blank, 'there is an empty line inside a section')
  const lines = content.filter(({ text }) => text.trim() !== '')
  if (lines.length === 0) report(heading, 'the section is empty')
  else if (form.id === 'security') checkMeasures(lines, report)
  else if (form.id === 'middleware') checkFence(heading, content, report)
  else checkTable(form, lines, report)
}

function checkMeasures(lines: readonly Line[], report: Report): void {
  const check = createMeasureCheck()
  for (const line of lines) {
    const message = check(line.text)
    if (message !== undefined) report(line, message)
  }
}

function checkFence(heading: Line, lines: readonly Line[], report: Report): void {
  const [first, ...rest] = lines
  const end = rest.findIndex(({ text }) => text === '```')
  if (first?.text !== '```' || end === -1) {
    report(first ?? heading, 'the stack is drawn in a block between two lines of ```')
    return
  }
  for (const line of rest.slice(end + 1)) report(line, 'there is something after the drawing of the stack')
  const drawing = rest.slice(0, end)
  for (const { index, message } of checkDrawing(drawing.map(({ text }) => text))) {
    report(drawing[index] ?? first, message)
  }
}

function checkTable(form: SectionForm, lines: readonly Line[], report: Report): void {
  const [header, rule, ...rows] = lines
  const expected = `| ${form.columns.join(' | ')} |`
  if (header?.text !== expected) report(header, `the table's columns are "${expected}"`)
  const ruleForm = new RegExp(`^\\|(-{3,}\\|){${form.columns.length}}$`)
  if (!ruleForm.test(rule?.text ?? ''))
    report(rule ?? header, `a rule for ${form.columns.length} columns follows the columns`)
  if (rows.length === 0) report(rule ?? header, 'the table has no row')
  const seen = new Set<string>()
  for (const row of rows) checkRow(form, row, seen, report)
}

function checkRow(form: SectionForm, row: Line, seen: Set<string>, report: Report): void {
  const cells = cellsOf(row.text)
  const expected = form.columns.length
  const empty = cells?.indexOf('') ?? -1
  if (!row.text.startsWith('|')) report(row, 'there is prose inside a section')
  else if (!cells) report(row, 'a row is "| cell | cell |", with one space around each cell')
  else if (cells.length !== expected) report(row, `a row has ${expected} cells, this one has ${cells.length}`)
  else if (empty !== -1) report(row, `the cell "${form.columns[empty]}" is empty`)
  else for (const message of checkCells(form, cells, seen)) report(row, message)
}

/** Returns the cells of a row, whose pipes may be escaped; undefined where the text is not a row. */
function cellsOf(text: string): string[] | undefined {
  if (!text.startsWith('| ') || !text.endsWith(' |')) return undefined
  const parts = text.slice(1, -1).split(/(?<!\\)\|/)
  const isSpaced = parts.every(part => /^ (\S(.*\S)?)? $/.test(part) || part.trim() === '')
  return isSpaced ? parts.map(part => part.trim().replaceAll('\\|', '|')) : undefined
}
