/** Reads the Markdown of a report in any form that formatters give it, and finds what is not of the format. */
import { unescapeCell, unescapeText } from '../render/escape-markdown.ts'
import type { SectionForm } from '../sections/form.ts'
import { FORMS } from '../sections/forms.ts'

/** `line` counts from 1. */
export type Deviation = { line: number; message: string }

/** `source` is the Markdown of the texts. */
export type ParsedRow = { line: number; cells: string[]; source: string }
export type Measure = { line: number; isTicked: boolean; text: string; source: string }
export type ParsedSection = {
  form: SectionForm
  line: number
  rows: ParsedRow[]
  measures: Measure[]
  drawing: { line: number; text: string }[]
}
export type Parsed = {
  line: number
  feature: string
  source: string
  date: string
  sections: ParsedSection[]
}

type Line = { number: number; text: string }
type Deviate = (line: Line | undefined, message: string) => void

/** The sample has placeholders for a name and a day. */
const TITLE = /^## +Backend Implementation Report +– +(\S|\S.*\S) +\((\d{4}-\d{2}-\d{2}|<date>)\)(?: +#+)?$/
const FENCE = /^(`{3,}|~{3,})\s*([\w-]*)$/
const HEADING = /^#{1,6}(?= )/
const RULE = /^\|?(\s*:?-+:?\s*\|)*\s*:?-+:?\s*\|?$/
const MEASURE = /^[-*+]\s+\[([ xX])\]\s+(\S.*)$/

/** Returns what the text says, and the deviations from the format. */
export function parse(text: string): { parsed: Parsed; deviations: Deviation[] } {
  const deviations: Deviation[] = []
  const lines = linesOf(text)
  const last = lines.findLast(line => line.text.trim() !== '') ?? { number: 1, text: '' }
  const deviate: Deviate = (line, message) => deviations.push({ line: (line ?? last).number, message })
  const [title, ...rest] = lines
  const [, source = '', date = ''] = TITLE.exec(title?.text.trim() ?? '') ?? []
  if (date === '') {
    deviate(
      title,
      'the title is "## Backend Implementation Report – <feature> (YYYY-MM-DD)", with an en dash',
    )
  }
  const sections = parseSections(rest, last, deviate)
  return {
    parsed: { line: title?.number ?? 1, feature: unescapeText(source), source, date, sections },
    deviations,
  }
}

/** Returns the lines without their common indentation: the sample in the document is indented. */
function linesOf(text: string): Line[] {
  const all = text.replace(/^\uFEFF/, '').split(/\r\n|\n|\r/)
  const indent = all
    .filter(line => line.trim() !== '')
    .reduce((least, line) => Math.min(least, line.length - line.trimStart().length), 4)
  const first = all.findIndex(line => line.trim() !== '')
  return all
    .map((line, index) => ({ number: index + 1, text: line.slice(indent).trimEnd() }))
    .slice(first === -1 ? 0 : first)
}

type Found = { heading: Line; body: Line[] }

function parseSections(lines: readonly Line[], last: Line, deviate: Deviate): ParsedSection[] {
  const { prose, found } = splitSections(lines)
  for (const line of prose) if (line.text !== '') deviate(line, 'there is prose before the first section')
  for (const { heading } of found.slice(FORMS.length)) deviate(heading, 'there are more than eight sections')
  return FORMS.flatMap((form, index) => {
    const section = found[index]
    if (!section) {
      deviate(last, `the section "${form.title}" is missing`)
      return []
    }
    if (section.heading.text.replace(/ +#+$/, '').replaceAll(/ +/g, ' ') !== `### ${form.title}`) {
      deviate(section.heading, `section ${index + 1} is "### ${form.title}"`)
      return []
    }
    return [parseSection(form, section, deviate)]
  })
}

function splitSections(lines: readonly Line[]): { prose: Line[]; found: Found[] } {
  const prose: Line[] = []
  const found: Found[] = []
  let fence = ''
  for (const line of lines) {
    const text = withoutIndent(line.text)
    const [, mark = ''] = FENCE.exec(text) ?? []
    if (fence === '') fence = mark
    else if (mark.startsWith(fence)) fence = ''
    if (fence === '' && HEADING.test(text)) found.push({ heading: { ...line, text }, body: [] })
    else (found.at(-1)?.body ?? prose).push(line)
  }
  return { prose, found }
}

/** CommonMark §4: up to three spaces before a block mean nothing; four make it code. */
function withoutIndent(text: string): string {
  return text.replace(/^ {1,3}(?! )/, '')
}

function parseSection(form: SectionForm, { heading, body }: Found, deviate: Deviate): ParsedSection {
  const section: ParsedSection = { form, line: heading.number, rows: [], measures: [], drawing: [] }
  const content = trimBlank(body)
  if (content.length === 0) deviate(heading, 'the section is empty')
  else if (form.id === 'security') section.measures = parseMeasures(content, deviate)
  else if (form.id === 'middleware') section.drawing = parseDrawing(heading, content, deviate)
  else section.rows = parseTable(form, content, deviate)
  return section
}

function trimBlank(lines: readonly Line[]): Line[] {
  const first = lines.findIndex(({ text }) => text !== '')
  const last = lines.findLastIndex(({ text }) => text !== '')
  return first === -1 ? [] : lines.slice(first, last + 1)
}

function parseMeasures(lines: readonly Line[], deviate: Deviate): Measure[] {
  const items: Line[] = []
  let isAfterBlank = false
  for (const line of lines) {
    const item = items.at(-1)
    // Formatters wrap long items: the rest of an item is indented.
    const isRest = /^\s{2,}[^\s]/.test(line.text) && !MEASURE.test(withoutIndent(line.text))
    if (isRest && item && !isAfterBlank) item.text += ` ${line.text.trim()}`
    else if (line.text !== '') items.push({ number: line.number, text: withoutIndent(line.text) })
    isAfterBlank = line.text === ''
  }
  return items.flatMap(item => {
    const [, box, source] = MEASURE.exec(item.text) ?? []
    if (box === undefined || source === undefined) {
      deviate(item, 'a measure is "- [x] text" or "- [ ] text"')
      return []
    }
    return [{ line: item.number, isTicked: box !== ' ', text: unescapeText(source), source }]
  })
}

function parseDrawing(heading: Line, lines: readonly Line[], deviate: Deviate) {
  const [first = heading, ...rest] = lines
  const [, mark = ''] = FENCE.exec(withoutIndent(first.text)) ?? []
  const end = rest.findIndex(({ text }) => FENCE.exec(withoutIndent(text))?.[1]?.startsWith(mark))
  if (mark === '' || end === -1) {
    deviate(first, 'the stack is drawn in a block between two lines of ```')
    return []
  }
  for (const line of rest.slice(end + 1)) {
    if (line.text !== '') deviate(line, 'there is something after the drawing of the stack')
  }
  const indent = first.text.length - first.text.trimStart().length
  return rest.slice(0, end).map(({ number, text }) => ({
    line: number,
    text: text.slice(0, indent).trim() === '' ? text.slice(indent) : text,
  }))
}

function parseTable(form: SectionForm, lines: readonly Line[], deviate: Deviate): ParsedRow[] {
  const [header, rule, ...rows] = lines.map(line => ({ ...line, text: withoutIndent(line.text) }))
  const expected = form.columns.length
  if (cellsOf(header?.text ?? '').join(' | ') !== form.columns.join(' | ')) {
    deviate(header, `the table's columns are "| ${form.columns.join(' | ')} |"`)
  }
  if (!RULE.test(rule?.text ?? '') || cellsOf(rule?.text ?? '').length !== expected) {
    deviate(rule ?? header, `a rule for ${expected} columns follows the columns`)
  }
  if (rows.length === 0) deviate(rule ?? header, 'the table has no row')
  return rows.flatMap(row => {
    const cells = cellsOf(row.text)
    const empty = cells.indexOf('')
    if (row.text === '') deviate(row, 'there is an empty line inside a table, which ends there')
    else if (/^\s/.test(row.text) || !/(?<!\\)\|/.test(row.text))
      deviate(row, 'there is prose inside a section')
    else if (cells.length !== expected) {
      deviate(row, `a row has ${expected} cells, this one has ${cells.length}`)
    } else if (empty !== -1) deviate(row, `the cell "${form.columns[empty]}" is empty`)
    else return [{ line: row.number, cells: cells.map(unescapeCell), source: row.text }]
    return []
  })
}

/** Returns the cells of a row as Markdown. Their pipes are escaped; the pipes at both ends may be left out. */
function cellsOf(text: string): string[] {
  const inner = text.replace(/^\|/, '').replace(/(?<!\\)\|$/, '')
  return inner.split(/(?<!\\)\|/).map(cell => cell.replaceAll(/\s+/g, ' ').trim())
}
