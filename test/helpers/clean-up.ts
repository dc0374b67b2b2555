/** Runs beside a test run (`node clean-up.ts <folder>`): removes its folder and servers when the run has ended in any way. */
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { stopServers } from '../../src/db/embedded-process.ts'

const [folder = ''] = process.argv.slice(2)

// The test run holds the other end of this pipe, which is closed also when it is killed.
for await (const _ of process.stdin);
for (const path of await readdir(folder, { recursive: true })) {
  if (path.endsWith('PG_VERSION') && !path.includes('/base/')) await stopServers(join(folder, path, '..'))
}
await rm(folder, { recursive: true, force: true, maxRetries: 5 })
