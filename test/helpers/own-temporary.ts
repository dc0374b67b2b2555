/** A folder for the temporary files of one program: other tests make and remove theirs meanwhile. */
import { chmodSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { SERVICE_ID } from '../../src/config/service-name.ts'

/** Returns what the program's environment needs, what it left there, and what takes the folder away. */
export function createOwnTemporary() {
  const TMPDIR = mkdtempSync(join(tmpdir(), `${SERVICE_ID}-own-`))
  // The database's own user, where there is one, has to reach its folder in it.
  chmodSync(TMPDIR, 0o755)
  return {
    environment: { TMPDIR },
    leftovers: () => readdirSync(TMPDIR),
    remove: () => rmSync(TMPDIR, { recursive: true }),
  }
}
