/** Installs a package of its own inside the bench, on first use and whenever its lockfile has changed. */
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cp, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { RunError } from '../../harness/errors.ts'
import { sleep } from '../load/clock.ts'

const MANIFESTS = ['package.json', 'package-lock.json', '.npmrc']

const PLACING_ATTEMPTS = 5

/** What is made from the packages once they are there, and belongs to them. */
export type Build = {
  /** A script of the folder, which writes into node_modules. */
  script: string
  /** What it reads there. */
  files: readonly string[]
}

/** A file in the installed folder: the hash of the lockfile and of what was built. */
const STAMP_NAME = '.installed-from'

/**
 * Installs the packages of `folder` where they are missing or of another lockfile, and calls `onInstall` first. They are
 * installed in another folder, which is then renamed: a run that was interrupted, or two at once, leave nothing half
 * done. Throws a RunError of one line where npm or the registry is not available.
 */
export async function installPackages(
  folder: string,
  onInstall: () => void,
  signal: AbortSignal,
  build?: Build,
): Promise<void> {
  const installed = join(folder, 'node_modules')
  const sources = build ? [build.script, ...build.files] : []
  const stamp = await hashOf(folder, ['package-lock.json', ...sources])
  if ((await stampOf(installed)) === stamp) return
  onInstall()
  const workshop = await mkdtemp(join(folder, '.installing-'))
  try {
    for (const name of [...MANIFESTS, ...sources]) await cp(join(folder, name), join(workshop, name))
    await npmCi(workshop, signal)
    if (build) await runScript(build.script, workshop, signal)
    await mkdir(join(workshop, 'node_modules'), { recursive: true })
    await writeFile(join(workshop, 'node_modules', STAMP_NAME), stamp)
    await putInPlace(workshop, installed, stamp)
  } catch (error) {
    if (signal.aborted) throw new RunError('interrupted')
    throw error
  } finally {
    await rm(workshop, { recursive: true, force: true })
  }
}

/** Replaces `installed` by what was made in the workshop, unless another run has been quicker. */
async function putInPlace(workshop: string, installed: string, stamp: string): Promise<void> {
  for (let attempt = 1; (await stampOf(installed)) !== stamp; attempt++) {
    try {
      await mkdir(installed, { recursive: true })
      await rename(installed, join(workshop, `replaced-${attempt}`))
      await rename(join(workshop, 'node_modules'), installed)
    } catch (error) {
      // Two at once take each other's folder away; the next attempt finds what the other has put there.
      if (attempt === PLACING_ATTEMPTS) throw error
      await sleep(100)
    }
  }
}

function stampOf(installed: string): Promise<string | undefined> {
  return readFile(join(installed, STAMP_NAME), 'utf8').catch(() => undefined)
}

async function hashOf(folder: string, names: readonly string[]): Promise<string> {
  const hash = createHash('sha256')
  for (const name of names) hash.update(await readFile(join(folder, name)))
  return hash.digest('hex')
}

async function runScript(script: string, folder: string, signal: AbortSignal): Promise<void> {
  await promisify(execFile)(process.execPath, [script], { cwd: folder, signal }).catch(
    ({ stderr = '', message }: { stderr?: string; message: string }) => {
      const thrown = stderr.split('\n').find(line => /^\w*Error\b/.test(line))
      throw new RunError(`${script} failed in ${folder}: ${thrown ?? message.split('\n')[0]}`)
    },
  )
}

/** Runs the npm that started this process, or else the one on the PATH. No package's install script is run. */
async function npmCi(folder: string, signal: AbortSignal): Promise<void> {
  const { npm_execpath: npm = '' } = process.env
  // One retry: without a network npm would try for minutes before it says so.
  const args = ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--fetch-retries=1']
  const isOwn = npm.endsWith('npm-cli.js')
  const [command, allArgs] = isOwn ? [process.execPath, [npm, ...args]] : ['npm', args]
  // On Windows npm is a script, which only a shell can start.
  const shell = !isOwn && process.platform === 'win32'
  await promisify(execFile)(command, allArgs, { cwd: folder, signal, shell }).catch(
    (error: Error & { code?: unknown; stderr?: string }) => {
      throw new RunError(
        `npm ci failed: ${error.code === 'ENOENT' ? 'there is no npm here' : reasonOf(error)}`,
      )
    },
  )
}

/** The first line of npm's that says something. */
function reasonOf({ stderr = '', message }: { stderr?: string; message: string }): string {
  const lines = stderr.split('\n').filter(line => line.startsWith('npm error'))
  const said =
    lines.find(line => !/^npm error (code|errno|syscall) /.test(line)) ?? message.split('\n')[0] ?? ''
  return said.replace(/^npm error /, '')
}
