/** `npm run report -- verify <report.json>`: derives the rows again, and prints those that are no longer true. */
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { TypeCompiler } from '@sinclair/typebox/compiler'
import { RunError, UsageError } from '../../harness/errors.ts'
import { findStaleRows } from '../compare.ts'
import { type Report, ReportSchema, SCHEMA_VERSION } from '../document/document.ts'
import { generateReport } from '../generate.ts'
import type { Settings } from '../options.ts'
import { renderMarkdown } from '../render/markdown.ts'
import { createSteps } from './steps.ts'

/** Returns 1 where a row is no longer true, or the Markdown beside the document differs from it. */
export async function verifyCommand(settings: Settings, file: string | undefined, signal: AbortSignal) {
  if (file === undefined) throw new UsageError('verify takes the file of a report: verify <report.json>')
  const published = await readReport(file)
  const rows = published.sections.filter(({ id }) => id !== 'performance').flatMap(section => section.rows)
  if (rows.length === 0) throw new RunError(`${file} has measurements only, which are not derived again`)
  const options = {
    bench: 'none',
    feature: published.feature,
    date: published.date,
    app: appOf(published, settings),
    allowWrites: settings.allowWrites,
    yes: settings.yes,
    since: published.range.base?.ref,
    sections: published.sections.map(({ id }) => id),
  }
  const found = await generateReport(options, createSteps(), signal)
  const stale = [...findStaleRows(published, found), ...(await compareMarkdown(file, published))]
  for (const line of stale) console.log(line)
  if (stale.length > 0) {
    console.error('If these changes are meant, publish the report again: npm run report -- --publish')
    return 1
  }
  console.log(
    `${file} is still true: ${rows.length} rows were derived again. Their evidence was not compared.`,
  )
  return 0
}

/** Returns the module to start; undefined for this repository's service, whose reports are the only ones with a commit. */
function appOf({ module, range }: Report, { app }: Settings): string | undefined {
  if (app !== undefined || range.head.commit !== null) return app
  if (existsSync(module)) return module
  throw new RunError(`the report is of ${module}, which is not here: name it with --app`)
}

/** Returns the document of a file. Throws a RunError of one line where the file is not a report. */
export async function readReport(file: string): Promise<Report> {
  const text = await readFile(file, 'utf8').catch(({ code }: NodeJS.ErrnoException) => {
    throw new RunError(code === 'ENOENT' ? `there is no report ${file}` : `cannot read ${file} (${code})`)
  })
  const value = parse(text, file)
  const version =
    typeof value === 'object' && value !== null ? Reflect.get(value, 'schemaVersion') : undefined
  if (version !== SCHEMA_VERSION) {
    const name = JSON.stringify(version) ?? 'none'
    throw new RunError(`${file} has schema version ${name}, this report reads ${SCHEMA_VERSION}`)
  }
  const checker = TypeCompiler.Compile(ReportSchema)
  const problem = checker.Errors(value).First()
  if (problem) throw new RunError(`${file} is not a report: ${problem.path} ${problem.message}`)
  return checker.Decode(value)
}

function parse(text: string, file: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new RunError(`${file} is not JSON`)
  }
}

/** The Markdown file of the same name, in lower or upper case, must be the rendered JSON. */
async function compareMarkdown(file: string, published: Report): Promise<string[]> {
  const stem = basename(file).replace(/\.json$/, '')
  const beside = [`${stem}.md`, `${stem.toUpperCase()}.md`].map(name => join(dirname(file), name))
  const markdown = beside.find(path => existsSync(path))
  if (markdown === undefined) return []
  const isSame = (await readFile(markdown, 'utf8')) === renderMarkdown(published)
  return isSame ? [] : [`${basename(markdown)} differs from what ${basename(file)} renders to`]
}
