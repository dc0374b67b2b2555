/** Another version of the service, checked out beside this one for the length of a run. */
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, realpath, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { SERVICE_ID } from '../src/config/service-name.ts'
import { RunError, UsageError } from './errors.ts'

const run = promisify(execFile)

export type Worktree = {
  root: string
  commit: string
  remove: () => Promise<void>
}

/**
 * Returns a checkout of `ref` in a temporary folder. It shares this checkout's packages where the lockfiles agree and
 * installs its own where they do not. Throws a UsageError when there is no such ref; nothing is left behind then.
 */
export async function checkOut(repository: string, ref: string, signal: AbortSignal): Promise<Worktree> {
  const commit = await resolveCommit(repository, ref)
  const root = await realpath(await mkdtemp(join(tmpdir(), `${SERVICE_ID}-base-`)))
  const remove = async (): Promise<void> => {
    await run('git', ['worktree', 'remove', '--force', root], { cwd: repository }).catch(() => {})
    await rm(root, { recursive: true, force: true })
    await run('git', ['worktree', 'prune'], { cwd: repository }).catch(() => {})
  }
  try {
    await run('git', ['worktree', 'add', '--detach', root, commit], { cwd: repository, signal })
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

async function providePackages(repository: string, root: string, signal: AbortSignal): Promise<void> {
  const lockfiles = [repository, root].map(folder => readFile(join(folder, 'package-lock.json'), 'utf8'))
  const [ours, theirs] = await Promise.all(lockfiles)
  if (ours === theirs) {
    await symlink(join(repository, 'node_modules'), join(root, 'node_modules'), 'dir')
    return
  }
  await run('npm', ['ci', '--no-audit', '--no-fund'], { cwd: root, signal }).catch((error: Error) => {
    throw new RunError(`npm ci of the other version failed: ${error.message.split('\n')[0]}`)
  })
}
