/** Asks git about the migrations folder. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { UserFacingError } from '../../src/lib/user-facing-error.ts'

const MAX_OUTPUT = 64 << 20

export type Git = ReturnType<typeof createGit>

/** Returns what runs git in a folder: its output, or undefined where git fails or is not installed. */
export function createGit(folder: string) {
  return async (...args: string[]): Promise<string | undefined> => {
    return promisify(execFile)('git', args, { cwd: folder, maxBuffer: MAX_OUTPUT }).then(
      ({ stdout }) => stdout,
      () => undefined,
    )
  }
}

/** Returns the output of git. Throws UserFacingError where it fails: what could not be compared must not pass for the same. */
export async function ask(git: Git, ...args: string[]): Promise<string> {
  const output = await git(...args)
  if (output !== undefined) return output
  throw new UserFacingError(
    `\`git ${args.join(' ')}\` failed. The comparison needs git 2.31 or later and a whole clone.`,
  )
}

/** Returns the commit that a ref names, or undefined. */
export async function commitOf(git: Git, ref: string): Promise<string | undefined> {
  const found = await git('rev-parse', '--verify', '--quiet', '--end-of-options', `${ref}^{commit}`)
  return found?.trim()
}
