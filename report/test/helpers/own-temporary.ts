/** A temporary folder for one program, apart from the temporary files of other tests. */
import { chmodSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { SERVICE_ID } from '../../../src/config/service-name.ts'

/** Returns the program's environment, a function that lists what the program left, and one that removes the folder. */
export function createOwnTemporary() {
  const TMPDIR = mkdtempSync(join(tmpdir(), `${SERVICE_ID}-own-`))
  // Where the database runs as another user, that user must be able to open the folder.
  chmodSync(TMPDIR, 0o755)
  return {
    environment: { TMPDIR },
    leftovers: () => readdirSync(TMPDIR),
    remove: () => rmSync(TMPDIR, { recursive: true }),
  }
}
