/** A copy of this repository's files in a temporary folder, in a git repository of its own or in none. */
import { execFile } from 'node:child_process'
import { cpSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { onTestFinished } from 'vitest'
import { inheritedEnvironment } from '../../harness/environment.ts'
import { SERVICE_ID } from '../../src/config/service-name.ts'
import { ROOT } from './service.ts'

/** What a report needs to run, and to speak of. */
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
]

/** What is made or installed there, and may be in the making. */
const NOT_OURS = /\/(out|node_modules|\.installing-\w+)$/

const IDENTITY = { GIT_AUTHOR_NAME: 'Test', GIT_AUTHOR_EMAIL: 'test@example.com' }
const COMMITTER = { GIT_COMMITTER_NAME: 'Test', GIT_COMMITTER_EMAIL: 'test@example.com' }

/** Copies the files; the folder goes when the test ends. */
export function copyRepository() {
  const copy = createCopy()
  onTestFinished(copy.remove)
  return copy
}

/** Copies the files; the caller removes the folder. */
export function createCopy() {
  const folder = mkdtempSync(join(tmpdir(), `${SERVICE_ID}-copy-`))
  for (const part of PARTS) {
    cpSync(join(ROOT, part), join(folder, part), { recursive: true, filter: path => !NOT_OURS.test(path) })
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
    /** Commits all there is; the first time it makes the repository. */
    async commit(message: string): Promise<void> {
      await git('init', '--quiet', '--initial-branch', 'main')
      // A link, which a pattern for folders does not cover.
      await writeFile(join(folder, '.git/info/exclude'), 'node_modules\n')
      await git('add', '--all', '.')
      await git('commit', '--quiet', '--message', message)
    },
    /** Replaces a text that has to be in a file. */
    async edit(file: string, from: string, to: string): Promise<void> {
      const text = await readFile(join(folder, file), 'utf8')
      if (!text.includes(from)) throw new Error(`${file} does not hold: ${from}`)
      await writeFile(
        join(folder, file),
        text.replace(from, () => to),
      )
    },
    write: (file: string, text: string) => writeFile(join(folder, file), text),
  }
}

/** It takes 15 s at the most, and on a busy host several times that. */
const RUN_TIMEOUT_MS = 90_000

/** Runs `npm run report` of a checkout, and returns how it ended. */
export async function runReport(args: readonly string[], folder = ROOT, env: NodeJS.ProcessEnv = {}) {
  const run = promisify(execFile)(process.execPath, ['report/main.ts', ...args], {
    // A test that fails does not wait for it, and takes away its folder: Node makes one in a folder that is gone for ever.
    ...{ cwd: folder, maxBuffer: 64 << 20, timeout: RUN_TIMEOUT_MS, killSignal: 'SIGKILL' },
    env: { ...inheritedEnvironment(), HOME: folder, ...env },
  })
  return run.then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    (error: { code: number; stdout: string; stderr: string }) => ({
      ...{ code: error.code, stdout: error.stdout, stderr: error.stderr },
    }),
  )
}
