/** Connections to PostgreSQL: the pool with its time limits, Drizzle over it, and transactions. */
import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { DrizzleQueryError } from 'drizzle-orm/errors'
import { drizzle, type NodePgDatabase } from 'drizzle-orm/node-postgres'
import pg from 'pg'
import type { Config } from '../config/config.ts'
import { SERVICE_NAME } from '../config/service-name.ts'
import { markConnectionFailure } from './connection-failure.ts'
import { createPatience, isCrowded } from './crowded.ts'
import { mayBeStale, withoutName } from './stale-statements.ts'

/** What runs a statement: Drizzle over the pool, or over the one connection of a transaction. */
export type Executor = NodePgDatabase

export type IsolationLevel = 'read committed' | 'repeatable read' | 'serializable'

export type Database = ReturnType<typeof createDatabase>

/** Above the server's own limit, so that this one fires only where the server cannot answer at all. */
const CLIENT_SLACK_MS = 500

/** Longest wait for connections to close. */
export const CLOSE_TIMEOUT_MS = 1000

export type DatabaseListeners = {
  /** Hears of connections that broke; the pool replaces them by itself. */
  onError: (error: Error) => void
  /** Runs each query, given its text without parameters, and returns its result. */
  onQuery: <T>(text: string, run: () => Promise<T>) => Promise<T>
  /** Hears how long a statement or a transaction waited for its connection, in seconds. */
  onWait: (seconds: number) => void
  /** Hears that the server takes no more connections, once a minute at the most. */
  onCrowded: () => void
  /** Hears why no connection can be made: once, until one is made. */
  onUnreachable: (error: unknown) => void
  /** Hears that one was made after that. */
  onReachable: () => void
}

/** Nobody who listens: for commands and tests. */
const SILENT: DatabaseListeners = {
  onError: () => {},
  onQuery: (_text, run) => run(),
  onWait: () => {},
  onCrowded: () => {},
  onUnreachable: () => {},
  onReachable: () => {},
}

/** A pool and Drizzle over it. Nothing connects before the first query. */
export function createDatabase(
  config: Omit<Config['database'], 'directUrl'>,
  listeners: DatabaseListeners = SILENT,
) {
  const { onError, onQuery } = listeners
  const pool = new pg.Pool({
    connectionString: config.url,
    max: config.poolMax,
    connectionTimeoutMillis: config.connectTimeout,
    idleTimeoutMillis: 30_000,
    keepAlive: true,
    statement_timeout: config.statementTimeout,
    lock_timeout: config.lockTimeout,
    idle_in_transaction_session_timeout: config.idleInTransactionTimeout,
    application_name: SERVICE_NAME,
  })
  // The pool reports idle connections only: without the second listener, a connection that ends between two
  // statements of a transaction ends the process.
  pool.on('error', onError)
  pool.on('connect', client => {
    client.on('error', onError)
    limitSilence(client, config.statementTimeout + CLIENT_SLACK_MS)
    observe(client, onQuery)
  })
  retryStale(pool)
  observe(pool, onQuery)
  followConnects(pool, config.connectTimeout, listeners)
  const db: Executor = drizzle(pool)

  /**
   * Runs `work` in a transaction of the given isolation level and returns its result; rolls back where it throws.
   * Throws also where `work` caught a failed statement's error: after one, PostgreSQL commits nothing.
   * A connection whose state is unknown (it timed out or broke) is closed, not handed on.
   */
  async function transaction<T>(isolation: IsolationLevel, work: (tx: Executor) => Promise<T>): Promise<T> {
    const client = await pool.connect()
    try {
      await client.query(`begin isolation level ${isolation}`)
      const result = await work(drizzle(client))
      const { command } = await client.query('commit')
      // PostgreSQL's answer where a statement had failed and `work` went on as if it had not.
      if (command === 'ROLLBACK') throw new Error('the transaction had failed: nothing was committed')
      client.release()
      return result
    } catch (error) {
      await rollback(client, error)
      throw error
    }
  }

  /** Closes every connection. Waits a second at most: a frozen server answers no farewell. */
  async function close(): Promise<void> {
    await Promise.race([pool.end(), sleep(CLOSE_TIMEOUT_MS, undefined, { ref: false })])
  }

  return { pool, db, transaction, close }
}

/**
 * Closes a connection whose server has been silent for `limit` milliseconds while it was asked something: it cannot
 * answer at all, or its own limit would have. pg has an option for this, `query_timeout`, but sets a timer for every
 * statement, and what hangs on these timers outlives two collections of young garbage: 10 MB a second of old garbage.
 */
function limitSilence(client: pg.PoolClient, limit: number): void {
  const stream = client.connection.stream as Socket
  stream.setTimeout(limit)
  stream.on('timeout', () => {
    // pg's own mark, which its types do not know.
    const isAsked = Reflect.get(client, 'readyForQuery') === false
    if (isAsked) stream.destroy(new Error('Query read timeout'))
  })
}

/**
 * Passes the queries of a pool or a connection through `onQuery`. Those with a callback are the pool's own way of
 * handing a query to a connection: they were seen already.
 */
function observe(target: pg.Pool | pg.ClientBase, onQuery: DatabaseListeners['onQuery']): void {
  const query = target.query.bind(target) as (...args: unknown[]) => Promise<unknown>
  const observed = (...args: unknown[]) => {
    if (typeof args.at(-1) === 'function') return query(...args)
    const [statement] = args as [string | { text: string }]
    return onQuery(typeof statement === 'string' ? statement : statement.text, () => query(...args))
  }
  target.query = observed as typeof target.query
}

/**
 * Runs a named statement of the pool again, without its name, where the server could not run it as it was prepared: a
 * roll-out changes columns under it. Outside a transaction a refused statement has done nothing. The pool has closed the
 * connection, so that each fails once at the most.
 */
function retryStale(pool: pg.Pool): void {
  const query = pool.query.bind(pool) as (...args: unknown[]) => Promise<unknown>
  const retried = (...args: unknown[]) =>
    query(...args).catch((error: unknown) => {
      const again = mayBeStale(error) ? withoutName(args) : undefined
      if (again === undefined) throw error
      return query(...again)
    })
  pool.query = retried as typeof pool.query
}

type Connected = (error: Error | undefined, client: pg.PoolClient | undefined, release: unknown) => void

/**
 * Follows every way to a connection: that of a transaction, and the pool's own for a single statement, with a callback.
 * Each is timed. One that the server refuses because it has too many waits for an open one.
 */
function followConnects(pool: pg.Pool, timeout: number, listeners: DatabaseListeners): void {
  const connect = pool.connect.bind(pool) as (callback?: Connected) => Promise<pg.PoolClient>
  const connectPatiently = createPatience({ pool, connect, timeout, onCrowded: listeners.onCrowded })
  let isDown = false
  pool.on('connect', () => {
    if (isDown) listeners.onReachable()
    isDown = false
  })

  const recover = async (error: unknown, since: number): Promise<pg.PoolClient> => {
    try {
      if (isCrowded(error)) return await connectPatiently(error, since)
      throw error
    } catch (failure) {
      markConnectionFailure(failure)
      if (!isDown && !isExhausted(failure)) {
        isDown = true
        listeners.onUnreachable(failure)
      }
      throw failure
    }
  }

  const followed = (callback?: Connected) => {
    const since = performance.now()
    const note = () => listeners.onWait((performance.now() - since) / 1000)
    if (callback === undefined)
      return connect()
        .catch(error => recover(error, since))
        .finally(note)
    return connect((error, client, release) => {
      if (client !== undefined) {
        note()
        callback(error, client, release)
        return
      }
      recover(error, since)
        .finally(note)
        .then(
          late => callback(undefined, late, late.release),
          failure => callback(failure, undefined, () => {}),
        )
    })
  }
  pool.connect = followed as typeof pool.connect
}

/** Whether it is the pool that had no connection to give, rather than the database. */
function isExhausted(error: unknown): boolean {
  return error instanceof Error && /^timeout exceeded when trying|^Cannot use a pool/.test(error.message)
}

/**
 * Rolls back where the server answered with an error; closes the connection where it did not, or where it may hold
 * prepared statements that no longer run: the server then rolls back.
 */
async function rollback(client: pg.PoolClient, error: unknown): Promise<void> {
  if (isLostConnection(error) || mayBeStale(databaseErrorOf(error))) return client.release(true)
  try {
    await client.query('rollback')
    client.release()
  } catch {
    // The first error is the one to report; the server rolls back by itself when the connection closes.
    client.release(true)
  }
}

/** The error that PostgreSQL or the driver raised, out of Drizzle's wrapper, whose message quotes parameters. */
export function databaseErrorOf(error: unknown): unknown {
  return error instanceof DrizzleQueryError ? error.cause : error
}

function isLostConnection(error: unknown): boolean {
  const cause = databaseErrorOf(error)
  return cause instanceof Error && !(cause instanceof pg.DatabaseError) && DRIVER_FAILURES.test(cause.message)
}

/** What pg says, without a code, when it is the connection that failed. */
export const DRIVER_FAILURES =
  /^(Query read timeout|Connection terminated|timeout exceeded when trying to connect|timeout expired|Client has encountered a connection error|Cannot use a pool after calling end)/
