/** Creates one folder for everything that a test run writes, in memory where the host has room. */
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

/** Room for a few databases at a time and the service's image, twice. */
const ROOM_BYTES = 2 ** 31

const CLEAN_UP = fileURLToPath(new URL('./clean-up.ts', import.meta.url))

/**
 * Creates the folder. `remove` ends the database servers in it, and removes it. That also happens where this process ends
 * before.
 */
export async function createTemporaryFolder() {
  const folder = (await createIn(MEMORY)) ?? (await mkdtemp(join(tmpdir(), `${SERVICE_ID}-test-`)))
  // The user of the database, where it is another one, has to reach its data in it.
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
 * A database has 300 files. Deleted ones slow down new ones: ext4 does not reuse an inode for a minute, and skips all of
 * them. A clone that takes 20 ms in memory took 500 there.
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
