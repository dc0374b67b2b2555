/** Reads a published document, as JSON or as Markdown. Nothing in it is run, and no path in it is opened. */
import { TypeCompiler } from '@sinclair/typebox/compiler'
import { RunError } from '../../harness/errors.ts'
import {
  type Report,
  ReportSchema,
  SCHEMA_VERSION,
  type Section,
  type Version,
} from '../document/document.ts'
import { readDocument } from '../document/read-file.ts'
import { lint } from '../lint/lint.ts'
import { type Parsed, type ParsedSection, parse } from '../lint/parse.ts'

export type Published = {
  file: string
  feature: string
  date: string
  sections: Section[]
  head: Version | undefined
  base: Version | undefined
  /** The whole document where it is JSON. Markdown has no evidence. */
  json: Report | undefined
}

/** Returns the document of a file. Throws a RunError of one line where the file is not a report. */
export async function readPublished(file: string): Promise<Published> {
  const text = await readDocument(file)
  return /^\uFEFF?\s*[{[]/.test(text) ? readJson(file, text) : readMarkdown(file, text)
}

function readJson(file: string, text: string): Published {
  const value = parseJson(text.replace(/^\uFEFF/, ''), file)
  const version: unknown =
    typeof value === 'object' && value !== null ? Reflect.get(value, 'schemaVersion') : undefined
  if (version !== SCHEMA_VERSION) {
    const name = typeof version === 'number' ? String(version) : 'none'
    throw new RunError(`${file} has schema version ${name}, this report reads ${SCHEMA_VERSION}`)
  }
  const checker = TypeCompiler.Compile(ReportSchema)
  const problem = checker.Errors(value).First()
  if (problem) throw new RunError(`${file} is not a report: ${shown(problem.path)} ${problem.message}`)
  const json = checker.Decode(value)
  const { feature, date, sections, range } = json
  return { file, feature, date, sections, head: range.head, base: range.base, json }
}

function parseJson(text: string, file: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new RunError(`${file} is not JSON`)
  }
}

function readMarkdown(file: string, text: string): Published {
  const [first, ...more] = lint(text)
  if (first) {
    const others = more.length === 0 ? '' : ` (and ${more.length} more; see lint)`
    throw new RunError(`${file}:${first.line}: not a valid report: ${shown(first.message)}${others}`)
  }
  const { parsed } = parse(text)
  const { feature, date } = parsed
  return { file, feature, date, sections: sectionsOf(parsed), json: undefined, ...versionsOf(parsed) }
}

/** Returns the sections of a Markdown document as those of the JSON, without evidence. */
export function sectionsOf({ sections }: Parsed): Section[] {
  return sections.map(section => {
    const { form } = section
    const rows = cellsOf(section).map((cells, index) => ({
      id: form.id === 'middleware' ? `line ${index + 1}` : cells.slice(0, form.keyColumns ?? 1).join(' | '),
      cells,
      state: 'pass' as const,
      evidence: [],
    }))
    return { id: form.id, title: form.title, columns: [...form.columns], rows }
  })
}

/** The box is part of the text: a tick is a statement. */
function cellsOf({ rows, measures, drawing }: ParsedSection): string[][] {
  return [
    ...rows.map(({ cells }) => cells),
    ...measures.map(({ isTicked, text }) => [`[${isTicked ? 'x' : ' '}] ${text}`]),
    ...drawing.map(({ text }) => [text]),
  ]
}

const SOURCE = /^(?:([\da-f]{7,40}) \((.+)\) to )?([\da-f]{7,40}|no commit)( \(dirty\))?$/

/** Returns the versions in the row of the source; none where it has no such row. */
function versionsOf({ sections }: Parsed): Pick<Published, 'head' | 'base'> {
  const rows = sections.find(({ form }) => form.id === 'stack')?.rows ?? []
  const source = rows.find(({ cells: [component] }) => component === 'Source')?.cells[2] ?? ''
  const [, base, ref = '', commit, dirty] = SOURCE.exec(source) ?? []
  if (commit === undefined) return { head: undefined, base: undefined }
  return {
    head: { commit: commit === 'no commit' ? null : commit, dirty: dirty !== undefined },
    base: base === undefined ? undefined : { commit: base, ref, dirty: false },
  }
}

/** Returns a text of a document for a terminal: on one line, short, and without characters that control it. */
export function shown(text: string): string {
  const clean = text.replaceAll(/[\p{Cc}\p{Cf}]/gu, '?')
  return clean.length > 300 ? `${clean.slice(0, 300)}…` : clean
}
