/** `npm run report -- lint <file.md>`: prints each deviation of a Markdown file from the format, with its line. */
import { readFile } from 'node:fs/promises'
import { RunError, UsageError } from '../../harness/errors.ts'
import { lint } from '../lint/lint.ts'
import type { Settings } from '../options.ts'

/** Returns 0 where the file is valid, and 1 where it is not. */
export async function lintCommand(_settings: Settings, file: string | undefined): Promise<number> {
  if (file === undefined) throw new UsageError('lint takes a file: lint <file.md>')
  const text = await readFile(file, 'utf8').catch(() => {
    throw new RunError(`there is no file ${file}`)
  })
  const deviations = lint(text)
  for (const { line, message } of deviations) console.log(`${file}:${line}: ${message}`)
  if (deviations.length === 0) console.log(`${file} is a valid Backend Implementation Report.`)
  return deviations.length === 0 ? 0 : 1
}
