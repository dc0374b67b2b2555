/** How long a password hash takes, which bounds every login: no more of them per second than cores / this time. */
import { execFile } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { RunError } from '../../harness/errors.ts'

const script = fileURLToPath(new URL('./hash-time-process.ts', import.meta.url))

/** Returns the times in ms of hashes of the strength of the service, one on each core at once, in a process of their own. */
export async function timeHashes(signal: AbortSignal): Promise<number[]> {
  // libuv has four threads unless told otherwise, however many cores there are.
  const env = { ...process.env, UV_THREADPOOL_SIZE: String(availableParallelism()) }
  const { stdout } = await promisify(execFile)(process.execPath, [script], { signal, env }).catch(
    (error: Error) => {
      throw new RunError(`a hash could not be timed: ${error.message}`)
    },
  )
  return JSON.parse(stdout) as number[]
}
