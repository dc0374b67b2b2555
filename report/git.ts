/** Reads a git checkout: its commit, whether it is dirty, and the files of a range. */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { RunError } from '../harness/errors.ts'
import type { Version } from './document/document.ts'

export type ChangedFile = { path: string; change: 'added' | 'modified' | 'removed' }

/** Installed packages, in a checkout that does not ignore them. */
const INSTALLED = /(^|\/)node_modules(\/|$)/

/** The report's own output: it does not make the checkout dirty, and is not listed. */
const OUTPUT = ['REPORT.md']

export type Repository = {
  root: string
  version: Version
  base?: Version
  /** Returns the files that the range added or modified; without a base, all files. */
  files: () => Promise<ChangedFile[]>
  /** Returns the text of a file in the base; undefined where it is not there. */
  readBase?: (path: string) => Promise<string | undefined>
  /** When the commit was made, in ms; undefined before the first commit. */
  committedAt?: number
}

async function git(cwd: string, ...args: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)('git', args, { cwd, maxBuffer: 64 << 20 })
  return stdout
}

/** Returns the repository of `folder`; undefined where it is in none. Throws a RunError for a ref that cannot be compared with. */
export async function openRepository(folder: string, since?: string): Promise<Repository | undefined> {
  const isRepository = await git(folder, 'rev-parse', '--is-inside-work-tree').catch(() => undefined)
  if (isRepository === undefined) return undefined
  const commit = await resolve(folder, 'HEAD')
  const excluded = OUTPUT.map(name => `:(exclude)${name}`)
  const status = await git(folder, 'status', '--porcelain', '--', '.', ...excluded)
  const base = since === undefined ? undefined : await mergeBase(folder, since)
  return {
    root: folder,
    version: { commit: commit ?? null, dirty: status !== '' },
    ...(base !== undefined &&
      since !== undefined && {
        base: { commit: base, ref: since, dirty: false },
        readBase: (path: string) => git(folder, 'show', `${base}:./${path}`).catch(() => undefined),
      }),
    ...(commit !== undefined && { committedAt: await commitTime(folder) }),
    files: () => listFiles(folder, base),
  }
}

/**
 * Returns the commit that the change began with: the last one that `ref` and the checkout have in common. What was
 * added to a branch since then is not part of the change.
 */
async function mergeBase(folder: string, ref: string): Promise<string> {
  const commit = await resolve(folder, ref)
  if (commit === undefined) throw new RunError(`there is no git ref "${ref}"`)
  const common = await git(folder, 'merge-base', 'HEAD', commit).catch(() => undefined)
  if (common === undefined) {
    throw new RunError(`HEAD and ${ref} have no commit in common; in a shallow clone: git fetch --unshallow`)
  }
  return common.trim()
}

async function commitTime(folder: string): Promise<number> {
  return Number(await git(folder, 'show', '--no-patch', '--format=%ct', 'HEAD')) * 1000
}

async function resolve(folder: string, ref: string): Promise<string | undefined> {
  const line = await git(
    folder,
    'rev-parse',
    '--verify',
    '--quiet',
    '--end-of-options',
    `${ref}^{commit}`,
  ).catch(() => undefined)
  return line?.trim()
}

async function listFiles(folder: string, base: string | undefined): Promise<ChangedFile[]> {
  const split = (text: string) => text.split('\0').filter(Boolean)
  const untracked = split(await git(folder, 'ls-files', '-z', '--others', '--exclude-standard'))
  const added = untracked.map(path => ({ path, change: 'added' as const }))
  if (base === undefined) {
    const tracked = split(await git(folder, 'ls-files', '-z')).filter(path => existsSync(join(folder, path)))
    return sort([...tracked.map(path => ({ path, change: 'added' as const })), ...added])
  }
  const fields = split(
    await git(folder, 'diff', '--relative', '--no-renames', '--name-status', '-z', base, '--', '.'),
  )
  const changed = fields.flatMap((status, index) =>
    index % 2 === 0
      ? [{ path: fields[index + 1] ?? '', change: CHANGES[status] ?? ('modified' as const) }]
      : [],
  )
  return sort([...changed, ...added])
}

const CHANGES: Record<string, ChangedFile['change']> = { A: 'added', D: 'removed', M: 'modified' }

function sort(files: ChangedFile[]): ChangedFile[] {
  const own = files.filter(({ path }) => !OUTPUT.includes(path) && !INSTALLED.test(path))
  return own.toSorted((a, b) => (a.path < b.path ? -1 : 1))
}
