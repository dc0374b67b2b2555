/** One folder for all that a test run writes, in memory where the host has room for it there. */
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, rm, statfs, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { SERVICE_ID } from '../../src/config/service-name.ts'

/** A file system in memory on every Linux. In a container it may hold 64 MB, and run no programs. */
const MEMORY = '/dev/shm'

/** A few databases at a time, the service's image, and as much again. */
const ROOM_BYTES = 2 ** 31

const CLEAN_UP = fileURLToPath(new URL('./clean-up.ts', import.meta.url))

/**
 * Makes the folder. `remove` ends the database servers in it and removes it; where this process ends before, that
 * still happens.
 */
export async function createTemporaryFolder() {
  const folder = (await createIn(MEMORY)) ?? (await mkdtemp(join(tmpdir(), `${SERVICE_ID}-test-`)))
  // The database's own user, where there is one, has to reach its data in it.
  await chmod(folder, 0o755)
  // Its own process group: Ctrl-C is for the run.
  const cleaner = spawn(process.execPath, [CLEAN_UP, folder], {
    stdio: ['pipe', 'ignore', 'inherit'],
    detached: true,
  })
  const exited = once(cleaner, 'exit')
  cleaner.unref()
  return {
    folder,
    async remove(): Promise<void> {
      cleaner.ref()
      cleaner.stdin.end()
      await exited
    },
  }
}

/**
 * A database is 300 files. Those that are deleted slow down the next ones: ext4 gives out no inode again for a minute,
 * and looks past all of them. A clone that takes 20 ms here was seen to take 500 there.
 */
async function createIn(parent: string): Promise<string | undefined> {
  const { bavail, bsize } = await statfs(parent).catch(() => ({ bavail: 0, bsize: 0 }))
  if (bavail * bsize < ROOM_BYTES) return undefined
  const folder = await mkdtemp(join(parent, `${SERVICE_ID}-test-`))
  if (await runsPrograms(folder)) return folder
  await rm(folder, { recursive: true })
  return undefined
}

async function runsPrograms(folder: string): Promise<boolean> {
  const program = join(folder, 'program')
  await writeFile(program, '#!/bin/sh\n', { mode: 0o755 })
  return promisify(execFile)(program).then(
    () => true,
    () => false,
  )
}
