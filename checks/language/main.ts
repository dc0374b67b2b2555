/** Part of `npm run check`: counts the words that the house style replaces, and fails above a limit. */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { findWords } from './find.ts'

/** A few stay, where one of the words is the term of the field. */
const LIMIT = 5

/**
 * Texts of others, migrations, which are append-only, the list itself, and the generated report, which quotes the first
 * sentence of every file, migrations included.
 */
const EXCLUDED = [
  /^LICENSE$/,
  /^drizzle\//,
  /package-lock\.json$/,
  /common-passwords\.txt$/,
  /^checks\/language\/words\.ts$/,
  /^checks\/test\/language\.test\.ts$/,
  /^(REPORT\.md|report\.json)$/,
]

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

const files = execFileSync('git', ['ls-files', '-z'], { cwd: ROOT, encoding: 'utf8' }).split('\0')
const findings = files
  .filter(file => file !== '' && !EXCLUDED.some(pattern => pattern.test(file)))
  .flatMap(file => findWords(readText(file)).map(finding => ({ file, ...finding })))

for (const { file, line, word, instead } of findings)
  console.log(`${file}:${line}: "${word}"; instead: ${instead}`)
if (findings.length > LIMIT) {
  console.error(`Words to replace: ${findings.length}, at most ${LIMIT}.`)
  process.exitCode = 1
}

/** Returns the text of a file; nothing for a binary file, or one that is deleted and not committed yet. */
function readText(file: string): string {
  try {
    const text = readFileSync(join(ROOT, file), 'utf8')
    return text.includes('\0') ? '' : text
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return ''
    throw error
  }
}
