/** `npm run report -- verify <file>`: derives a document again, and prints what in it is no longer true. */
import { existsSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { UsageError } from '../../harness/errors.ts'
import type { Report } from '../document/document.ts'
import { readDocument } from '../document/read-file.ts'
import { EXIT } from '../exit-codes.ts'
import { generateReport, ROOT } from '../generate.ts'
import { fix } from '../lint/lint.ts'
import { parse } from '../lint/parse.ts'
import type { Settings } from '../options.ts'
import { COMMAND } from '../package/installed.ts'
import { renderMarkdown } from '../render/markdown.ts'
import { findStaleEndpoints, findStaleEvidence, findStaleRows } from '../verify/compare.ts'
import { checkHead, refuseOtherSubject } from '../verify/head.ts'
import { type Published, readPublished, sectionsOf, shown } from '../verify/published.ts'
import { createSteps } from './steps.ts'

/** A document with more lines than this that are not true is another document. */
const MAX_LINES = 100

/** Returns whether the document is true. What is run comes from the command line, and never from the document. */
export async function verifyCommand(settings: Settings, file: string | undefined, signal: AbortSignal) {
  if (file === undefined) throw new UsageError('verify takes the file of a report: verify <file>')
  const published = await readPublished(file)
  refuseOtherSubject(published, settings)
  const options = { ...settings, bench: 'none', date: published.date, tests: undefined }
  const found = await generateReport(options, createSteps(), signal)
  const stale = await findStale(published, found, settings)
  for (const line of stale.slice(0, MAX_LINES)) console.log(shown(line))
  if (stale.length > MAX_LINES) console.log(`and ${stale.length - MAX_LINES} more`)
  if (stale.length > 0) console.error(`${file} is not true. ${remedyOf(settings)}`)
  console.log(`${stale.length === 0 ? `${file} is true: ` : ''}${scopeOf(published)}`)
  return stale.length === 0 ? EXIT.OK : EXIT.FAILED
}

async function findStale(published: Published, found: Report, { app, givenDate }: Settings) {
  const { json } = published
  const folder = app === undefined ? ROOT : dirname(app)
  const now = json ? found : { sections: sectionsOf(parse(renderMarkdown(found)).parsed) }
  return [
    ...(await checkHead(published, found, { folder, app, date: givenDate })),
    ...findStaleRows(published, withVolatile(now, found)),
    ...findStaleEndpoints(published, now),
    ...(json ? [...findStaleEvidence(json, found), ...findStaleFields(json, found)] : []),
    ...(json ? await compareMarkdown(published.file, json) : []),
  ]
}

/** In Markdown no row says that it may differ: the row of the source is checked with the commit. */
function withVolatile(now: Pick<Report, 'sections'>, found: Report): Pick<Report, 'sections'> {
  const volatile = found.sections.flatMap(({ rows }) => rows).filter(row => row.volatile)
  const isVolatile = (cells: readonly string[]) =>
    volatile.some(row => row.cells.join('\n') === cells.join('\n'))
  return {
    sections: now.sections.map(section => ({
      ...section,
      rows: section.rows.map(row => (isVolatile(row.cells) ? { ...row, volatile: true } : row)),
    })),
  }
}

/** Fields beside the sections that files of the repository say. */
const DERIVED = ['dependencies', 'knownIssues', 'folders'] as const

function findStaleFields(published: Report, found: Report): string[] {
  return DERIVED.filter(field => JSON.stringify(published[field]) !== JSON.stringify(found[field])).map(
    field => `"${field}" is no longer so`,
  )
}

/** The Markdown beside a JSON document, which `npm run report` writes with it, must say the same. */
async function compareMarkdown(file: string, published: Report): Promise<string[]> {
  const markdown = join(dirname(file), 'report.md')
  if (!file.endsWith('report.json') || !existsSync(markdown)) return []
  const [found, rendered] = [await readDocument(markdown), renderMarkdown(published)]
  const isSame = (fix(found) ?? found) === (fix(rendered) ?? rendered)
  return isSame ? [] : [`report.md differs from what ${shown(basename(file))} renders to`]
}

function remedyOf({ app, since }: Settings): string {
  if (app !== undefined) return 'If the changes are meant, make the report again.'
  if (since !== undefined) return `If the changes are meant, make it again: ${COMMAND} --since ${since}`
  return `If the changes are meant, publish it again: ${COMMAND} --bench full --publish`
}

/** Returns what was derived, and what was not checked. */
function scopeOf({ sections, json }: Published): string {
  const rows = sections.filter(({ id }) => id !== 'performance').flatMap(section => section.rows)
  const measured = sections.find(({ id }) => id === 'performance')?.rows.length ?? 0
  const unchecked = [
    `the figures of ${measured} performance rows`,
    json
      ? 'times and other measurements in the evidence, the machine, test results and error statuses'
      : 'the evidence, which Markdown does not have',
  ]
  return `${rows.length} rows were derived again${json ? ' with their evidence' : ''}. Not checked: ${unchecked.join('; ')}.`
}
