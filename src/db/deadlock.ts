/** Deadlocks: PostgreSQL rolls one of the statements or transactions back, and that one can run again. */
import pg from 'pg'

/** How often the same work may be the victim before its error is reported. */
export const DEADLOCK_ATTEMPTS = 3

/**
 * Returns whether PostgreSQL chose the statement to end a deadlock (40P01, deadlock_detected). A migration that locks several
 * tables can meet a request that holds one of them and waits for another: the request waits first, and is the victim.
 */
export function isDeadlockVictim(error: unknown): boolean {
  return error instanceof pg.DatabaseError && error.code === '40P01'
}
