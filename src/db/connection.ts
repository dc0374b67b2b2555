/** One connection to PostgreSQL: it runs statements, and is closed where the server does not respond to one. */
import { promisify } from 'node:util'
import { drizzle, type NodePgDatabase } from 'drizzle-orm/node-postgres'
import type pg from 'pg'
import { markConnectionFailure } from './connection-failure.ts'

/** A statement, with its parameters inside or beside it. */
export type Statement = string | pg.QueryConfig

/** What runs statements: the pool, or one connection of it. */
export type Queryable = {
  query: <R extends pg.QueryResultRow = pg.QueryResultRow>(
    statement: Statement,
    values?: unknown[],
  ) => Promise<pg.QueryResult<R>>
}

/** Drizzle, over the pool or over the one connection of a transaction. `Database.transaction` begins transactions. */
export type Executor = Omit<NodePgDatabase, 'transaction'>

/** Runs each statement, given its text without parameters, and returns its result. */
export type QueryObserver = <T>(text: string, run: () => Promise<T>) => Promise<T>

export type Connection = ReturnType<typeof createConnection>

/** Over a connection of the pool. A statement that takes longer than `limit` milliseconds closes it. */
export function createConnection(client: pg.PoolClient, limit: number, onQuery: QueryObserver) {
  // Not pg's own promise: with it, results reach V8's old generation, 0.5 KB of each GET /users/:id in place of 0.01.
  const send = promisify(client.query).bind(client) as Queryable['query']
  let isLost = false
  const watch = createWatch(limit, () => {
    isLost = true
    // With a statement in progress, pg closes the socket at once, and the statement fails.
    void client.end()
  })
  client.on('error', () => {
    isLost = true
  })

  /** Runs a statement. An error of a connection that is lost is marked as a connection failure. */
  async function run<R extends pg.QueryResultRow>(
    statement: Statement,
    values?: unknown[],
  ): Promise<pg.QueryResult<R>> {
    watch.begin()
    try {
      return await send<R>(statement, values)
    } catch (error) {
      if (isLost) markConnectionFailure(error)
      // The driver's stack ends where the response is parsed; this one names the caller.
      if (error instanceof Error) Error.captureStackTrace(error)
      throw error
    } finally {
      watch.end()
    }
  }

  function query<R extends pg.QueryResultRow = pg.QueryResultRow>(
    statement: Statement,
    values?: unknown[],
  ): Promise<pg.QueryResult<R>> {
    return onQuery(textOf(statement), () => run<R>(statement, values))
  }

  return { client, run, query, db: createExecutor({ query }), isLost: () => isLost }
}

/** Drizzle over a function that runs statements. Of its client, Drizzle calls `query` alone outside its transactions. */
export function createExecutor(client: Queryable): Executor {
  return drizzle({ client: client as pg.Pool })
}

/** Returns the text of a statement, without its parameters. */
export function textOf(statement: Statement): string {
  return typeof statement === 'string' ? statement : statement.text
}

/**
 * Calls `onSilence` where a statement has been in progress for `limit` milliseconds. One timer serves the statements of
 * that time: pg's own option, `query_timeout`, sets one for each, and what these timers hold outlives two collections
 * of young garbage, which makes 10 MB of old garbage a second.
 */
function createWatch(limit: number, onSilence: () => void) {
  let pending = 0
  let since = 0
  let timer: NodeJS.Timeout | undefined

  function check(): void {
    timer = undefined
    if (pending === 0) return
    const left = since + limit - performance.now()
    if (left <= 0) onSilence()
    else wait(left)
  }

  /** What arrived while this process stood still is read before `check` runs. */
  function wait(milliseconds: number): void {
    timer = setTimeout(() => setImmediate(check), milliseconds).unref()
  }

  return {
    begin(): void {
      if (pending === 0) since = performance.now()
      pending += 1
      if (timer === undefined) wait(limit)
    },
    end(): void {
      pending -= 1
      since = performance.now()
    },
  }
}
