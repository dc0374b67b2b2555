/** The pool of connections to PostgreSQL, with its limits of time, and the statements that need no transaction. */
import pg from 'pg'
import type { Config } from '../config/config.ts'
import { SERVICE_NAME } from '../config/service-name.ts'
import {
  type Connection,
  createConnection,
  type QueryObserver,
  type Statement,
  textOf,
} from './connection.ts'
import { markConnectionFailure } from './connection-failure.ts'
import { createConnect, PoolExhausted } from './crowded.ts'
import { DEADLOCK_ATTEMPTS, isDeadlockVictim } from './deadlock.ts'
import { createGate } from './gate.ts'
import { mayBeStale, withoutName } from './stale-statements.ts'

/** Above the server's own limit, so that this one acts only where the server does not respond at all. */
const CLIENT_SLACK_MS = 500

export type DatabaseListeners = {
  /** Hears of connections that broke; the pool replaces them by itself. */
  onError: (error: Error) => void
  /** Runs each query, given its text without parameters, and returns its result. */
  onQuery: QueryObserver
  /** Hears how long a statement or a transaction waited for its connection, in seconds. */
  onWait: (seconds: number) => void
  /** Hears that the server takes no more connections, once a minute at most. */
  onCrowded: () => void
  /** Hears why no connection can be made: once, until one is made. */
  onUnreachable: (error: unknown) => void
  /** Hears that a connection was made after that. */
  onReachable: () => void
}

export type DatabaseSettings = Omit<Config['database'], 'directUrl'>

export type Pool = ReturnType<typeof createPool>

/** A connection that was taken from the pool. It has to be released once; `release(true)` closes it. */
export type PooledConnection = Connection & { release: (isBroken?: boolean) => void }

/** The pool of a database. Nothing connects before the first statement. */
export function createPool(settings: DatabaseSettings, listeners: DatabaseListeners) {
  const { onError, onQuery, onWait, onCrowded } = listeners
  const pool = createDriverPool(settings)
  const gate = createGate(settings.poolMax)
  const timeout = settings.connectTimeout
  const connectInTime = createConnect({ pool, gate, max: settings.poolMax, timeout, onCrowded })
  const reportFailure = createFailureReport(pool, listeners)
  const connections = new WeakMap<pg.PoolClient, Connection>()

  // The pool reports idle connections only: without the second listener, a connection that ends between two
  // statements of a transaction ends the process.
  pool.on('error', onError)
  pool.on('connect', client => {
    client.on('error', onError)
    connections.set(client, createConnection(client, settings.statementTimeout + CLIENT_SLACK_MS, onQuery))
  })

  /**
   * Takes a connection, and returns what `start` returns for it. It is called where the pool hands the connection over: after
   * a promise, a statement would be sent after the responses that are ready, and a batch would serve 8 % fewer requests.
   */
  async function take<T>(start: (connection: Connection) => T): Promise<T> {
    const since = performance.now()
    try {
      return await connectInTime(client => start(connections.get(client) as Connection))
    } catch (error) {
      reportFailure(error)
      throw error
    } finally {
      onWait((performance.now() - since) / 1000)
    }
  }

  function release({ client, isLost }: Connection, isBroken = false): void {
    client.release(isBroken || isLost())
    gate.leave()
  }

  /** Takes a connection out of the pool, within the limit of time. */
  async function connect(): Promise<PooledConnection> {
    const connection = await take(taken => taken)
    return { ...connection, release: isBroken => release(connection, isBroken) }
  }

  /**
   * Runs a statement on any connection, and closes that one where the statement fails. Runs it again, without its name,
   * where the server cannot run it as it was prepared: a roll-out changes columns under it. Runs it again as it is where it
   * was the victim of a deadlock. Outside a transaction a refused statement has done nothing.
   */
  async function run<R extends pg.QueryResultRow>(
    statement: Statement,
    values?: unknown[],
    attempt = 1,
  ): Promise<pg.QueryResult<R>> {
    const { connection, started } = await take(taken => ({
      connection: taken,
      started: taken.run<R>(statement, values),
    }))
    let isBroken = true
    let again: Statement | undefined
    try {
      const result = await started
      isBroken = false
      return result
    } catch (error) {
      again = isDeadlockVictim(error) ? statement : mayBeStale(error) ? withoutName(statement) : undefined
      if (again === undefined || attempt >= DEADLOCK_ATTEMPTS) throw error
    } finally {
      release(connection, isBroken)
    }
    return run(again, values, attempt + 1)
  }

  /** Runs a statement on any connection of the pool, and returns its result. */
  function query<R extends pg.QueryResultRow = pg.QueryResultRow>(
    statement: Statement,
    values?: unknown[],
  ): Promise<pg.QueryResult<R>> {
    return onQuery(textOf(statement), () => run<R>(statement, values))
  }

  return {
    query,
    connect,
    end: () => pool.end(),
    /** Open connections. */
    get totalCount() {
      return pool.totalCount
    },
    /** Open connections that run no statement. */
    get idleCount() {
      return pool.idleCount
    },
    /** Statements and transactions that wait for a connection. */
    get waitingCount() {
      return gate.waitingCount()
    },
  }
}

function createDriverPool(settings: DatabaseSettings): pg.Pool {
  return new pg.Pool({
    connectionString: settings.url,
    max: settings.poolMax,
    connectionTimeoutMillis: settings.connectTimeout,
    idleTimeoutMillis: 30_000,
    keepAlive: true,
    statement_timeout: settings.statementTimeout,
    lock_timeout: settings.lockTimeout,
    idle_in_transaction_session_timeout: settings.idleInTransactionTimeout,
    application_name: SERVICE_NAME,
  })
}

/** Marks the errors that came instead of a connection, and reports the first one until a connection is made. */
function createFailureReport(
  pool: pg.Pool,
  { onUnreachable, onReachable }: DatabaseListeners,
): (error: unknown) => void {
  let isDown = false
  pool.on('connect', () => {
    if (isDown) onReachable()
    isDown = false
  })
  return error => {
    markConnectionFailure(error)
    if (isDown || error instanceof PoolExhausted || pool.ending) return
    isDown = true
    onUnreachable(error)
  }
}
