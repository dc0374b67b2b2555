/** `npm run report`: generates the report and writes it as Markdown, JSON and HTML. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { RunError, UsageError } from '../../harness/errors.ts'
import type { Report } from '../document/document.ts'
import { generateReport, ROOT } from '../generate.ts'
import type { Settings } from '../options.ts'
import { renderJson } from '../render/json.ts'
import { renderMarkdown } from '../render/markdown.ts'
import { renderPage } from '../render/page.ts'
import { createSteps } from './steps.ts'

/** Prints the Markdown and writes the three files. Returns 1 where a row fails. */
export async function reportCommand(settings: Settings, operand: string | undefined, signal: AbortSignal) {
  if (operand !== undefined) throw new UsageError(`a report takes options only, not "${operand}"`)
  // Generating takes minutes, so an unusable folder is reported first.
  await mkdir(settings.out, { recursive: true }).catch(({ code }: NodeJS.ErrnoException) => {
    throw new RunError(`cannot write to ${settings.out} (${code})`)
  })
  const report = await generateReport(settings, createSteps(), signal)
  const markdown = renderMarkdown(report)
  await writeFile(join(settings.out, 'report.md'), markdown)
  await writeFile(join(settings.out, 'report.json'), renderJson(report))
  await writeFile(join(settings.out, 'report.html'), renderPage(report))
  if (settings.publish) {
    await writeFile(join(ROOT, 'REPORT.md'), markdown)
    await writeFile(join(ROOT, 'report.json'), renderJson(report))
  }
  process.stdout.write(markdown)
  return hasFailures(report) ? 1 : 0
}

export function hasFailures({ sections }: Report): boolean {
  return sections.some(({ rows }) => rows.some(({ state }) => state === 'fail'))
}
