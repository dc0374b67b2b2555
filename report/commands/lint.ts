/** `npm run report -- lint <file.md>`: prints each deviation of a Markdown file from the format, with its line. */
import { randomBytes } from 'node:crypto'
import { chmod, lstat, rename, rm, writeFile } from 'node:fs/promises'
import { RunError, UsageError } from '../../harness/errors.ts'
import { readDocument } from '../document/read-file.ts'
import { EXIT } from '../exit-codes.ts'
import { fix, lint } from '../lint/lint.ts'
import type { Settings } from '../options.ts'

/** A file with more deviations is no report. */
const MAX_LINES = 50

/** Returns whether the file is valid. With `--fix`, a valid file gets the canonical form; another stays as it is. */
export async function lintCommand(settings: Settings, file: string | undefined): Promise<number> {
  if (file === undefined) throw new UsageError('lint takes a file: lint <file.md>')
  const text = await readDocument(file)
  const deviations = lint(text)
  for (const { line, message } of deviations.slice(0, MAX_LINES)) {
    console.log(`${file}:${line}: ${printable(message)}`)
  }
  if (deviations.length > MAX_LINES) console.log(`and ${deviations.length - MAX_LINES} more`)
  if (deviations.length > 0) {
    if (settings.fix) console.error(`${file} was not changed: --fix changes the form of a valid report only.`)
    return EXIT.FAILED
  }
  const isWritten = settings.fix && (await writeFixed(file, text))
  console.log(
    `${file} is a valid Backend Implementation Report${isWritten ? ', now in the canonical form' : ''}.`,
  )
  return EXIT.OK
}

/** A document may hold characters that control a terminal. */
function printable(message: string): string {
  return message.replaceAll(/[\p{Cc}\p{Cf}]/gu, '?').slice(0, 300)
}

/** Replaces the file in one step. Returns whether it differed. */
async function writeFixed(file: string, text: string): Promise<boolean> {
  const fixed = fix(text)
  if (fixed === undefined || fixed === text) return false
  const status = await lstat(file)
  if (status.isSymbolicLink()) {
    throw new RunError(`${file} is a symbolic link: --fix takes the file itself`)
  }
  const next = `${file}.${randomBytes(4).toString('hex')}`
  try {
    await writeFile(next, fixed, { flag: 'wx' })
    await chmod(next, status.mode)
    await rename(next, file)
  } catch (error) {
    await rm(next, { force: true })
    throw new RunError(`cannot write ${file} (${(error as NodeJS.ErrnoException).code})`)
  }
  return true
}
