/** Retries a migration that does not get its locks, and finds out who holds them. */
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { describeBlockers, describeError, reasonOf, seconds } from './migration-errors.ts'
import { type Progress, watchBlockers } from './migration-session.ts'

/** Attempts to get the locks of one migration. Between them, the statements that wait behind it can run. */
export const ATTEMPTS = 5

/** Longest time between two checks of who holds a lock. */
const LOOK_MS = 2500

const LONGEST_PAUSE_MS = 30_000

/** SQLSTATE of lock_not_available, and of deadlock_detected. */
const RETRIED = ['55P03', '40P01']

/** The last attempt to get a lock has failed; `cause` is its error. */
export class LocksUnavailable extends Error {
  readonly attempts: number
  /** Who held the locks; empty where that is not known. */
  readonly blockers: string

  constructor(cause: unknown, attempts: number, blockers: string) {
    super('the locks were not available', { cause })
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

/** Returns the result of `attempt`. Throws its error, and LocksUnavailable where the last attempt got no lock. */
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

/** Returns a pause in milliseconds: longer each time, and random, so that two instances do not retry together. */
function pauseAfter(tries: number, lockTimeout: number): number {
  const longest = Math.min((lockTimeout / 5) * 2 ** (tries - 1), LONGEST_PAUSE_MS)
  return Math.round(longest * (0.5 + Math.random() / 2))
}
