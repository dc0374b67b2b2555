/** The version that a change began with, checked out and started beside the head. */
import { RunError } from '../../harness/errors.ts'
import { checkOut } from '../../harness/worktree.ts'
import type { Version } from '../document/document.ts'
import { messageOf } from '../errors.ts'
import type { Repository } from '../git.ts'
import type { Subject } from '../subject/subject.ts'

type Options = {
  /** Starts the version in a folder. */
  start: (root: string) => Promise<Subject>
  /** Receives what has to be done in the end, in any case. */
  cleanups: (() => Promise<unknown>)[]
  signal: AbortSignal
}

/** Returns the running base. Throws a RunError that names it where it cannot be checked out, installed, migrated or started. */
export async function startBase(
  { root }: Pick<Repository, 'root'>,
  { commit, ref }: Version,
  { start, cleanups, signal }: Options,
): Promise<Subject> {
  try {
    const worktree = await checkOut(root, commit ?? '', signal)
    cleanups.push(worktree.remove)
    return await start(worktree.root)
  } catch (error) {
    const name = `${ref} (${commit?.slice(0, 10)})`
    throw new RunError(`the change cannot be compared with ${name}: ${messageOf(error)}`)
  }
}
