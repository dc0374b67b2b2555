/** Tries again where the locks of a migration are not to be had, and learns who holds them. */
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { describeBlockers, describeError, reasonOf, seconds } from './migration-errors.ts'
import { type Progress, watchBlockers } from './migration-session.ts'

/** Tries to get the locks of one migration. Between them, what has queued up behind it goes on. */
export const ATTEMPTS = 5

/** Longest time between two looks at who holds a lock. */
const LOOK_MS = 2500

const LONGEST_PAUSE_MS = 30_000

/** SQLSTATE of lock_not_available, and of deadlock_detected. */
const RETRIED = ['55P03', '40P01']

/** The last of several tries to get a lock has failed; `cause` is its error. */
export class LocksUnavailable extends Error {
  readonly attempts: number
  /** Who held them: empty where it could not be found out. */
  readonly blockers: string

  constructor(cause: unknown, attempts: number, blockers: string) {
    super('locks were not to be had', { cause })
    this.attempts = attempts
    this.blockers = blockers
  }
}

export type Retrying = {
  client: pg.Client
  /** The client's own server process. */
  pid: number
  connectionString: string
  /** Longest wait for a lock, in milliseconds. */
  lockTimeout: number
  onProgress: Progress
}

/** Returns what `attempt` does. Throws its error, and LocksUnavailable where the last attempt got no lock. */
export async function withRetries<T>(
  tag: string,
  attempt: () => Promise<T>,
  { pid, connectionString, lockTimeout, onProgress }: Retrying,
  attempts = ATTEMPTS,
): Promise<T> {
  const watch = watchBlockers(connectionString, pid, Math.min(lockTimeout / 2, LOOK_MS), blockers =>
    onProgress(`${tag} waits for a lock of ${describeBlockers(blockers)}.`),
  )
  try {
    for (let tries = 1; ; tries += 1) {
      try {
        return await attempt()
      } catch (error) {
        if (!isLockFailure(error)) throw error
        if (tries === attempts) throw new LocksUnavailable(error, attempts, describeBlockers(watch.latest()))
        const pause = pauseAfter(tries, lockTimeout)
        onProgress(
          `${tag} did not get its locks: ${describeError(reasonOf(error))} It tries again in ${seconds(pause)}.`,
        )
        await sleep(pause)
      }
    }
  } finally {
    await watch.stop()
  }
}

function isLockFailure(error: unknown): boolean {
  const reason = reasonOf(error)
  return reason instanceof pg.DatabaseError && RETRIED.includes(reason.code ?? '')
}

/** In milliseconds: longer each time, and never the same for two instances. */
function pauseAfter(tries: number, lockTimeout: number): number {
  const longest = Math.min((lockTimeout / 5) * 2 ** (tries - 1), LONGEST_PAUSE_MS)
  return Math.round(longest * (0.5 + Math.random() / 2))
}
