/** Asks git about the migrations folder. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

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

/** Returns the commit that a ref names, or undefined. */
export async function commitOf(git: Git, ref: string): Promise<string | undefined> {
  const found = await git('rev-parse', '--verify', '--quiet', '--end-of-options', `${ref}^{commit}`)
  return found?.trim()
}
