/** Finds where a Markdown text deviates from the format of the Backend Implementation Report. */
import { checkDrawing } from '../sections/middleware/check-drawing.ts'
import { checkCells } from './cells.ts'
import { checkBox, checkText } from './claims.ts'
import { format } from './format.ts'
import { type Deviation, type Measure, type Parsed, type ParsedSection, parse } from './parse.ts'

/** Before that day there was no Node.js. */
const FIRST_DAY = '2009-05-27'
const DAY_MS = 86_400_000

/** A ReDoS-safe bound: no line of a report is longer. */
const MAX_LINE_LENGTH = 20_000

/** Returns the deviations in the order of their lines; none where the text is a valid report. */
export function lint(text: string, now = new Date()): Deviation[] {
  return check(text, now).deviations
}

/** Returns the text in the canonical form. Undefined where it is not a valid report. */
export function fix(text: string, now = new Date()): string | undefined {
  const { parsed, deviations } = check(text, now)
  return deviations.length === 0 ? format(parsed) : undefined
}

function check(text: string, now: Date): { parsed: Parsed; deviations: Deviation[] } {
  const long = text.split('\n').findIndex(line => line.length > MAX_LINE_LENGTH)
  if (long !== -1) {
    const message = `a line has more than ${MAX_LINE_LENGTH} characters`
    return {
      parsed: { line: 1, feature: '', source: '', date: '', sections: [] },
      deviations: [{ line: long + 1, message }],
    }
  }
  const { parsed, deviations } = parse(text)
  const found = [...deviations, ...checkTitle(parsed, now), ...parsed.sections.flatMap(checkSection)]
  return { parsed, deviations: found.toSorted((a, b) => a.line - b.line) }
}

function checkTitle({ line, feature, source, date }: Parsed, now: Date): Deviation[] {
  if (date === '') return []
  const name = feature === '<feature>' ? [] : checkText(feature, source)
  const day = date === '<date>' ? [] : checkDay(date, now)
  return [...name, ...day].map(message => ({ line, message }))
}

/** In the first time zone the next day has begun. */
function checkDay(date: string, now: Date): string[] {
  const time = Date.parse(`${date}T00:00:00Z`)
  if (Number.isNaN(time) || !new Date(time).toISOString().startsWith(date)) return [`${date} is not a day`]
  if (time > now.getTime() + DAY_MS) return [`${date} is in the future`]
  return date < FIRST_DAY ? [`${date} is before there was Node.js`] : []
}

function checkSection({ form, rows, measures, drawing }: ParsedSection): Deviation[] {
  const seen = new Set<string>()
  return [
    ...rows.flatMap(({ line, cells, source }) =>
      [...checkCells(form, cells, seen), ...checkTexts(cells, source)].map(message => ({ line, message })),
    ),
    ...checkMeasures(measures),
    ...(form.id === 'middleware' && drawing.length > 0 ? checkStack(drawing) : []),
  ]
}

/** The Markdown of a whole row is checked with its first cell: each thing is named one time. */
function checkTexts(cells: readonly string[], source: string): string[] {
  return [...new Set(cells.flatMap((cell, index) => checkText(cell, index === 0 ? source : '')))]
}

function checkMeasures(measures: readonly Measure[]): Deviation[] {
  const seen = new Set<string>()
  return measures.flatMap(({ line, isTicked, text, source }) => {
    const key = text.toLowerCase().replace(/\.$/, '')
    const repeated = seen.has(key) ? ['the measure is there twice'] : []
    seen.add(key)
    return [...repeated, ...checkBox(text, isTicked), ...checkText(text, source)].map(message => ({
      line,
      message,
    }))
  })
}

function checkStack(drawing: ParsedSection['drawing']): Deviation[] {
  const lines = drawing.map(({ text }) => text)
  return [
    ...checkDrawing(lines).map(({ index, message }) => ({
      line: drawing[index]?.line ?? drawing[0]?.line ?? 1,
      message,
    })),
    ...drawing.flatMap(({ line, text }) =>
      /\p{Cc}|\p{Cf}/u.test(text) ? [{ line, message: 'there is a tab or an invisible character' }] : [],
    ),
  ]
}
