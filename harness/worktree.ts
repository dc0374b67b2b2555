/** Another version of the service, checked out beside this one for the length of a run. */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, realpath, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { SERVICE_ID } from '../src/config/service-name.ts'
import { RunError, UsageError } from './errors.ts'

const run = promisify(execFile)

export type Worktree = {
  /** The folder that `repository` is in this version. */
  root: string
  commit: string
  remove: () => Promise<void>
}

/**
 * Returns a checkout of `ref` in a temporary folder; `repository` may be a folder in a repository. It shares this checkout's
 * packages where the lockfiles agree and installs its own where they do not. Throws a UsageError when there is no such ref;
 * nothing is left behind then.
 */
export async function checkOut(repository: string, ref: string, signal: AbortSignal): Promise<Worktree> {
  const commit = await resolveCommit(repository, ref)
  const folder = await realpath(await mkdtemp(join(tmpdir(), `${SERVICE_ID}-base-`)))
  const remove = async (): Promise<void> => {
    await run('git', ['worktree', 'remove', '--force', folder], { cwd: repository }).catch(() => {})
    await rm(folder, { recursive: true, force: true })
    await run('git', ['worktree', 'prune'], { cwd: repository }).catch(() => {})
  }
  try {
    await run('git', ['worktree', 'add', '--detach', folder, commit], { cwd: repository, signal })
    const { stdout: prefix } = await run('git', ['rev-parse', '--show-prefix'], { cwd: repository })
    const root = join(folder, prefix.trim())
    if (!existsSync(root)) throw new RunError(`there is no folder ${prefix.trim()} in that version`)
    await providePackages(repository, root, signal)
    return { root, commit, remove }
  } catch (error) {
    await remove()
    throw signal.aborted ? new RunError('interrupted') : error
  }
}

async function resolveCommit(repository: string, ref: string): Promise<string> {
  const found = await run(
    'git',
    ['rev-parse', '--verify', '--quiet', '--end-of-options', `${ref}^{commit}`],
    {
      cwd: repository,
    },
  ).catch(() => undefined)
  if (!found) throw new UsageError(`there is no git ref "${ref}"`)
  return found.stdout.trim()
}

/** Files that say which packages are installed. The first that one of both has decides. */
const LOCKFILES = ['package-lock.json', 'npm-shrinkwrap.json', 'pnpm-lock.yaml', 'yarn.lock', 'package.json']

async function providePackages(repository: string, root: string, signal: AbortSignal): Promise<void> {
  const name = LOCKFILES.find(file => [repository, root].some(folder => existsSync(join(folder, file))))
  if (name === undefined) return
  const [ours, theirs] = await Promise.all(
    [repository, root].map(folder => readFile(join(folder, name), 'utf8').catch(() => undefined)),
  )
  if (theirs === undefined) throw new RunError(`that version has no ${name}`)
  if (ours === theirs) {
    const packages = join(repository, 'node_modules')
    if (existsSync(packages)) await symlink(packages, join(root, 'node_modules'), 'dir')
    return
  }
  if (!name.startsWith('package-') && !name.startsWith('npm-')) {
    throw new RunError(`that version has another ${name}, and only packages of npm are installed for it`)
  }
  await run('npm', ['ci', '--no-audit', '--no-fund'], { cwd: root, signal }).catch((error: Error) => {
    throw new RunError(`npm ci of the other version failed: ${error.message.split('\n')[0]}`)
  })
}
