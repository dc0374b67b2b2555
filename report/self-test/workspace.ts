/** A copy of the repository in which trials change files, one after the other. */
import { execFile } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { copyFile, cp, mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { SERVICE_ID } from '../../src/config/service-name.ts'
import type { Change } from './trial.ts'

export type Workspace = Awaited<ReturnType<typeof createWorkspace>>

/** Returns a copy of the files that git knows or would add, with the packages of `root`. `remove` leaves nothing of it. */
export async function createWorkspace(root: string) {
  const folder = await realpath(await mkdtemp(join(tmpdir(), `${SERVICE_ID}-self-test-`)))
  const git = (cwd: string, ...args: string[]) =>
    promisify(execFile)('git', args, { cwd, maxBuffer: 64 << 20 })
  const { stdout } = await git(root, 'ls-files', '-z', '--cached', '--others', '--exclude-standard')
  const files = stdout.split('\0').filter(file => file !== '' && existsSync(join(root, file)))
  for (const path of new Set(files.map(dirname))) await mkdir(join(folder, path), { recursive: true })
  await Promise.all(files.map(file => copyFile(join(root, file), join(folder, file))))
  await symlink(join(root, 'node_modules'), join(folder, 'node_modules'), 'dir')
  await git(folder, 'init', '--quiet')
  await git(folder, 'add', '--all')

  return {
    folder,

    /** Makes the changes, and returns a function that takes them back. Throws where one does not apply. */
    async apply(changes: readonly Change[]): Promise<() => Promise<void>> {
      const touched = new Set(changes.map(pathOf))
      async function restore(): Promise<void> {
        for (const path of touched) {
          await rm(join(folder, path), { recursive: true, force: true })
          if (existsSync(join(root, path)))
            await cp(join(root, path), join(folder, path), { recursive: true })
        }
        await git(folder, 'add', '--all')
      }
      try {
        for (const change of changes) await applyTo(folder, change)
        await git(folder, 'add', '--all')
        return restore
      } catch (error) {
        await restore()
        throw error
      }
    },

    remove: () => rm(folder, { recursive: true, force: true }),
  }
}

function pathOf(change: Change): string {
  if ('add' in change) return change.add
  return 'remove' in change ? change.remove : change.file
}

async function applyTo(folder: string, change: Change): Promise<void> {
  const read = (file: string) => readFileSync(join(folder, file), 'utf8')
  const path = join(folder, pathOf(change))
  if ('remove' in change) {
    if (!existsSync(path)) throw new Error(`there is no ${change.remove} to remove`)
    return rm(path, { recursive: true })
  }
  await mkdir(dirname(path), { recursive: true })
  if ('add' in change && existsSync(path)) throw new Error(`${change.add} is there already`)
  await writeFile(path, textAfter(change, read))
}

/** Returns the text of a file after a change. Throws where the text to replace is not there exactly once. */
export function textAfter(
  change: Exclude<Change, { remove: string }>,
  read: (file: string) => string,
): string {
  if ('add' in change) return typeof change.text === 'string' ? change.text : change.text(read)
  const { file, from, to } = change
  const parts = read(file).split(from)
  if (parts.length !== 2) {
    throw new Error(`${file} has ${parts.length - 1} times, not once: ${from}`)
  }
  return parts.join(to)
}
