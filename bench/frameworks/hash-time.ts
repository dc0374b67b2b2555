/** How long a password hash takes, which limits every login: at most cores / this time of them per second. */
import { execFile } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import pg from 'pg'
import { RunError } from '../../harness/errors.ts'
import { ADMIN_EMAIL } from '../service/service.ts'

const SCRIPT = fileURLToPath(new URL('./hash-time-process.ts', import.meta.url))

/** Returns a hash that the service has stored: of its strength, and of the password of the seeded users. */
export async function readStoredHash(databaseUrl: string): Promise<string> {
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  try {
    const statement = 'select password_hash from users where email = $1'
    const { rows } = await client.query<{ password_hash: string }>(statement, [ADMIN_EMAIL])
    const [row] = rows
    if (!row) throw new RunError(`there is no user ${ADMIN_EMAIL}`)
    return row.password_hash
  } finally {
    await client.end()
  }
}

/** Returns the times in ms of computing this hash again, one on each core at once, in a process of their own. */
export async function timeHashes(hash: string, password: string, signal: AbortSignal): Promise<number[]> {
  // libuv has four threads unless told otherwise, however many cores there are.
  const env = { ...process.env, UV_THREADPOOL_SIZE: String(availableParallelism()) }
  const args = [SCRIPT, hash, password]
  const { stdout } = await promisify(execFile)(process.execPath, args, { signal, env }).catch(
    (error: Error) => {
      throw new RunError(`a hash could not be timed: ${error.message}`)
    },
  )
  return JSON.parse(stdout) as number[]
}
