/** `npm run report`: generates the report, writes it as Markdown, JSON and HTML, and prints the result. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { RunError, UsageError } from '../../harness/errors.ts'
import type { Report } from '../document/document.ts'
import { exitCodeOf } from '../exit-codes.ts'
import { generateReport, ROOT } from '../generate.ts'
import type { Settings } from '../options.ts'
import { DEFAULT_OUT } from '../package/installed.ts'
import { renderJson } from '../render/json.ts'
import { renderMarkdown } from '../render/markdown.ts'
import { renderPage } from '../render/page.ts'
import { renderSummary } from '../render/summary.ts'
import { hasColours } from './colours.ts'
import { createSteps } from './steps.ts'

/** Writes the three files and prints the result, with `--print` after the Markdown. Returns the exit code of the rows. */
export async function reportCommand(settings: Settings, operand: string | undefined, signal: AbortSignal) {
  if (operand !== undefined) throw new UsageError(`a report takes options only, not "${operand}"`)
  // Generating takes minutes, so an unusable folder is reported first.
  await mkdir(settings.out, { recursive: true }).catch(({ code }: NodeJS.ErrnoException) => {
    throw new RunError(`cannot write to ${settings.out} (${code})`)
  })
  // In the repository of another app no other file ignores it, and the next report would find changes.
  if (settings.out === DEFAULT_OUT) await writeFile(join(settings.out, '.gitignore'), '*\n')
  const report = await generateReport(settings, createSteps(), signal)
  const files = await writeFiles(report, settings)
  if (settings.print) process.stdout.write(renderMarkdown(report))
  // Standard output is the Markdown alone where it was asked for: it may go to a file.
  const stream = settings.print ? process.stderr : process.stdout
  stream.write(renderSummary(report, { files, colours: hasColours(stream) }))
  return exitCodeOf(report, settings.bench)
}

/** Returns the names of the files, the page first. */
async function writeFiles(report: Report, { out, publish }: Settings): Promise<string[]> {
  const markdown = renderMarkdown(report)
  const contents: [file: string, text: string][] = [
    [join(out, 'report.html'), renderPage(report)],
    [join(out, 'report.md'), markdown],
    [join(out, 'report.json'), renderJson(report)],
  ]
  for (const [file, text] of contents) await writeFile(file, text)
  const names = contents.map(([file]) => file)
  if (!publish) return names
  await writeFile(join(ROOT, 'REPORT.md'), markdown)
  return [...names, 'REPORT.md']
}
