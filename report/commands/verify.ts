/** `npm run report -- verify <report.json>`: derives the rows again, and names those that are no longer true. */
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { TypeCompiler } from '@sinclair/typebox/compiler'
import { findLies } from '../compare.ts'
import { type Report, ReportSchema, SCHEMA_VERSION } from '../document/document.ts'
import { ReportError, UsageError } from '../errors.ts'
import { makeReport } from '../make.ts'
import type { Settings } from '../options.ts'
import { renderMarkdown } from '../render/markdown.ts'
import { createSteps } from './steps.ts'

/** Returns 1 where a row lies, or the Markdown beside the document says something else. */
export async function verifyCommand(settings: Settings, file: string | undefined, signal: AbortSignal) {
  if (file === undefined) throw new UsageError('verify takes the file of a report: verify <report.json>')
  const said = await readReport(file)
  const rows = said.sections.filter(({ id }) => id !== 'performance').flatMap(section => section.rows)
  if (rows.length === 0) throw new ReportError(`${file} has measurements only, which are not derived again`)
  const found = await makeReport(
    {
      ...{ bench: 'none', feature: said.feature, date: said.date },
      ...{
        app: appOf(said, settings),
        since: said.range.base?.ref,
        sections: said.sections.map(({ id }) => id),
      },
    },
    createSteps(),
    signal,
  )
  const lies = [...findLies(said, found), ...(await markdownLies(file, said))]
  for (const lie of lies) console.log(lie)
  if (lies.length === 0) {
    console.log(
      `${file} tells the truth: ${rows.length} rows were derived again. Their evidence was not compared.`,
    )
  }
  return lies.length === 0 ? 0 : 1
}

/** The module to start; undefined for the service of this repository, whose reports alone name a commit. */
function appOf({ module, range }: Report, { app }: Settings): string | undefined {
  if (app !== undefined || range.head.commit !== null) return app
  if (!existsSync(module))
    throw new ReportError(`the report is of ${module}, which is not here: name it with --app`)
  return module
}

/** The document of a file. Throws ReportError of one line where it is none. */
export async function readReport(file: string): Promise<Report> {
  const text = await readFile(file, 'utf8').catch(({ code }: NodeJS.ErrnoException) => {
    throw new ReportError(code === 'ENOENT' ? `there is no report ${file}` : `cannot read ${file} (${code})`)
  })
  const value = parse(text, file)
  const version =
    typeof value === 'object' && value !== null ? Reflect.get(value, 'schemaVersion') : undefined
  if (version !== SCHEMA_VERSION) {
    throw new ReportError(
      `${file} has schema version ${JSON.stringify(version) ?? 'none'}, this report reads ${SCHEMA_VERSION}`,
    )
  }
  const checker = TypeCompiler.Compile(ReportSchema)
  const problem = checker.Errors(value).First()
  if (problem) throw new ReportError(`${file} is not a report: ${problem.path} ${problem.message}`)
  return checker.Decode(value)
}

function parse(text: string, file: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new ReportError(`${file} is not JSON`)
  }
}

/** The Markdown beside it, whose name differs in case at most, has to be what the JSON renders to. */
async function markdownLies(file: string, said: Report): Promise<string[]> {
  const stem = basename(file).replace(/\.json$/, '')
  const beside = [`${stem}.md`, `${stem.toUpperCase()}.md`].map(name => join(dirname(file), name))
  const markdown = beside.find(path => existsSync(path))
  if (markdown === undefined) return []
  const isSame = (await readFile(markdown, 'utf8')) === renderMarkdown(said)
  return isSame ? [] : [`${basename(markdown)} is not what ${basename(file)} renders to`]
}
