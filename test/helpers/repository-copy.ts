/** A copy of this repository's files in a temporary folder, in a git repository of its own or in none. */
import { execFile } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { onTestFinished } from 'vitest'
import { SERVICE_ID } from '../../src/config/service-name.ts'
import { ROOT } from './service.ts'

/** The parts of a repository that its commands need. Some of them may be removed. */
const PARTS = [
  'src',
  'bench',
  'checks',
  'harness',
  'report',
  'drizzle',
  'package.json',
  'package-lock.json',
  '.gitignore',
].filter(part => existsSync(join(ROOT, part)))

/** Generated or installed files. */
const NOT_COPIED = /\/(out|node_modules|\.installing-\w+)$/

const IDENTITY = { GIT_AUTHOR_NAME: 'Test', GIT_AUTHOR_EMAIL: 'test@example.com' }
const COMMITTER = { GIT_COMMITTER_NAME: 'Test', GIT_COMMITTER_EMAIL: 'test@example.com' }

/** Copies the files to a folder that is removed when the test ends. */
export function copyRepository() {
  const copy = createCopy()
  onTestFinished(copy.remove)
  return copy
}

/** Copies the files; the caller removes the folder. */
export function createCopy() {
  const folder = mkdtempSync(join(tmpdir(), `${SERVICE_ID}-copy-`))
  for (const part of PARTS) {
    cpSync(join(ROOT, part), join(folder, part), { recursive: true, filter: path => !NOT_COPIED.test(path) })
  }
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'), 'dir')

  async function git(...args: string[]): Promise<string> {
    const env = { PATH: process.env.PATH, ...IDENTITY, ...COMMITTER, GIT_CONFIG_NOSYSTEM: '1', HOME: folder }
    return (await promisify(execFile)('git', args, { cwd: folder, env })).stdout
  }

  return {
    folder,
    git,
    remove: () => rmSync(folder, { recursive: true, force: true }),
    /** Commits all files; the first call creates the repository. */
    async commit(message: string): Promise<void> {
      await git('init', '--quiet', '--initial-branch', 'main')
      // A link, which a pattern for folders does not cover.
      await writeFile(join(folder, '.git/info/exclude'), 'node_modules\n')
      await git('add', '--all', '.')
      await git('commit', '--quiet', '--message', message)
    },
    /** Replaces a text in a file. Throws where the file does not have it. */
    async edit(file: string, from: string, to: string): Promise<void> {
      const text = await readFile(join(folder, file), 'utf8')
      if (!text.includes(from)) throw new Error(`${file} does not contain: ${from}`)
      await writeFile(
        join(folder, file),
        text.replace(from, () => to),
      )
    },
    write: (file: string, text: string) => writeFile(join(folder, file), text),
  }
}
