/** The database as the service uses it: the pool, Drizzle over it, and transactions. */
import { setTimeout as sleep } from 'node:timers/promises'
import { DrizzleQueryError } from 'drizzle-orm/errors'
import { createExecutor, type Executor } from './connection.ts'
import { DEADLOCK_ATTEMPTS, isDeadlockVictim } from './deadlock.ts'
import { createPool, type DatabaseListeners, type DatabaseSettings, type PooledConnection } from './pool.ts'
import { mayBeStale } from './stale-statements.ts'

export type { Executor } from './connection.ts'
export type { DatabaseListeners } from './pool.ts'

export type IsolationLevel = 'read committed' | 'repeatable read' | 'serializable'

export type Database = ReturnType<typeof createDatabase>

/** Longest wait for connections to close. */
export const CLOSE_TIMEOUT_MS = 1000

/** Listeners that do nothing: for commands and tests. */
const SILENT: DatabaseListeners = {
  onError: () => {},
  onQuery: (_text, run) => run(),
  onWait: () => {},
  onCrowded: () => {},
  onUnreachable: () => {},
  onReachable: () => {},
}

/** A pool and Drizzle over it. Nothing connects before the first query. */
export function createDatabase(settings: DatabaseSettings, listeners: DatabaseListeners = SILENT) {
  const pool = createPool(settings, listeners)
  const db: Executor = createExecutor(pool)

  /**
   * Runs `work` in a transaction of the given isolation level and returns its result; rolls back where it throws.
   * Throws also where `work` caught the error of a failed statement: after one, PostgreSQL commits nothing.
   * A connection whose state is unknown (it timed out or broke) is closed, and not used again. The victim of a deadlock runs
   * again: `work` has no effect but that of its statements.
   */
  async function transaction<T>(isolation: IsolationLevel, work: (tx: Executor) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await runOnce(isolation, work)
      } catch (error) {
        if (attempt >= DEADLOCK_ATTEMPTS || !isDeadlockVictim(databaseErrorOf(error))) throw error
      }
    }
  }

  async function runOnce<T>(isolation: IsolationLevel, work: (tx: Executor) => Promise<T>): Promise<T> {
    const connection = await pool.connect()
    try {
      await connection.query(`begin isolation level ${isolation}`)
      const result = await work(connection.db)
      const { command } = await connection.query('commit')
      // PostgreSQL's response where a statement had failed and `work` went on as if it had not.
      if (command === 'ROLLBACK') throw new Error('the transaction had failed: nothing was committed')
      connection.release()
      return result
    } catch (error) {
      await rollBack(connection, error)
      throw error
    }
  }

  /** Closes every connection. Waits a second at most: a frozen server closes none. */
  async function close(): Promise<void> {
    await Promise.race([pool.end(), sleep(CLOSE_TIMEOUT_MS, undefined, { ref: false })])
  }

  return { pool, db, transaction, close }
}

/**
 * Rolls back where the server reported an error; closes the connection where it is lost, or may hold prepared
 * statements that no longer run: the server then rolls back.
 */
async function rollBack(connection: PooledConnection, error: unknown): Promise<void> {
  if (connection.isLost() || mayBeStale(databaseErrorOf(error))) return connection.release(true)
  try {
    await connection.query('rollback')
    connection.release()
  } catch {
    // The first error is the one to report; the server rolls back by itself when the connection closes.
    connection.release(true)
  }
}

/** Returns the error that PostgreSQL or the driver raised, out of Drizzle's wrapper, whose message quotes parameters. */
export function databaseErrorOf(error: unknown): unknown {
  return error instanceof DrizzleQueryError ? error.cause : error
}
