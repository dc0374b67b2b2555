/** The session that migrates: its settings, the lock that it holds, and the sessions that it waits for. */
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { SERVICE_NAME } from '../config/service-name.ts'
import { UserFacingError } from '../lib/user-facing-error.ts'
import { explainConnectionFailure } from './connection-failure.ts'
import { type Blocker, describeBlockers } from './migration-errors.ts'

const CONNECT_TIMEOUT_MS = 10_000

/** An arbitrary number: every instance asks for the same lock. */
const MIGRATION_LOCK = 7_265_481

/** Between two attempts to get the lock. */
const POLL_MS = 200

/** A wait is reported after the first of these times, and repeatedly after the second. */
const SAY_AFTER_MS = 2000
const REPEAT_MS = 30_000

/** The schema of the tables: drizzle-kit's foreign keys name it. */
const SCHEMA = 'public'

/** Limits that a role or a database may have for requests, and that must not end a long migration. */
const TIMEOUTS = ['statement_timeout', 'idle_in_transaction_session_timeout', 'transaction_timeout']

export type Progress = (line: string) => void

/** Connects. Throws UserFacingError where that fails. The caller ends the connection. */
export async function connect(
  connectionString: string,
  name = `${SERVICE_NAME}-migrate`,
): Promise<pg.Client> {
  const client = new pg.Client({
    connectionString,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    application_name: name,
    keepAlive: true,
  })
  client.on('error', () => {
    // The statement in progress rejects with it.
  })
  await client.connect().catch(cause => {
    const why = explainConnectionFailure(cause)
    throw new UserFacingError(`Cannot connect to the database at ${client.host}:${client.port}: ${why}`, {
      cause,
    })
  })
  return client
}

/**
 * Returns the connection's process on the server, and its search_path with the schema of the tables first. Throws
 * UserFacingError where that schema is not in it: the service's statements name no schema, and would not find the tables.
 */
export async function readSession(client: pg.Client): Promise<{ pid: number; path: string }> {
  const { rows } = await client.query<{ pid: number; schemas: string[]; path: string; exists: boolean }>(
    `select pg_backend_pid() as pid, current_schemas(false)::text[] as schemas, current_setting('search_path') as path,
      to_regnamespace('${SCHEMA}') is not null as exists`,
  )
  const [{ pid, schemas, path, exists } = { pid: 0, schemas: [], path: '', exists: false }] = rows
  if (schemas.includes(SCHEMA)) {
    const others = schemas.filter(name => name !== SCHEMA)
    return { pid, path: [SCHEMA, ...others].map(name => pg.escapeIdentifier(name)).join(', ') }
  }
  throw new UserFacingError(
    exists
      ? `The tables belong in the schema ${SCHEMA}, which this connection's search_path (${path}) does not reach. Take search_path out of DATABASE_URL's options, or set it with \`alter role … set search_path = ${SCHEMA}\`; the role needs USAGE on ${SCHEMA}.`
      : `The tables belong in the schema ${SCHEMA}, which this database does not have. Run \`create schema ${SCHEMA}\`.`,
  )
}

/** Undoes the settings of an earlier migration. */
export async function resetSession(client: pg.Client): Promise<void> {
  await client.query('reset session authorization; reset role; reset all')
}

/** `lockTimeout` is in milliseconds; 0 is no limit. */
export type SessionSettings = { searchPath: string; lockTimeout: number }

/** Applies the settings of a migration, until the end of the transaction or of the session. */
export async function configureSession(
  client: pg.Client,
  { searchPath: path, lockTimeout }: SessionSettings,
  until: 'transaction' | 'session',
): Promise<void> {
  await client.query(
    `select set_config('search_path', $1, $3), set_config('lock_timeout', $2, $3),
      ${TIMEOUTS.map(noLimit).join()}`,
    [path, String(lockTimeout), until === 'transaction'],
  )
}

/** Removes a limit where the server has it: `transaction_timeout` came with PostgreSQL 17. */
function noLimit(name: string): string {
  return `case when current_setting('${name}', true) is not null then set_config('${name}', '0', $3) end`
}

/**
 * Waits until no other instance migrates. PostgreSQL frees the lock when the connection ends for any reason. It polls: a
 * session that waits inside `pg_advisory_lock` holds a snapshot, and `create index concurrently` in the instance with the
 * lock would wait for that one, which is a deadlock.
 */
export async function waitForTurn(client: pg.Client, onProgress: Progress): Promise<void> {
  let sayAt = performance.now() + SAY_AFTER_MS
  for (;;) {
    const { rows } = await client.query('select pg_try_advisory_lock($1) as mine', [MIGRATION_LOCK])
    if (rows[0].mine) return
    if (performance.now() > sayAt) {
      sayAt = performance.now() + REPEAT_MS
      onProgress(describeWait(await lockHolders(client)))
    }
    await sleep(POLL_MS)
  }
}

/** Describes a wait. A running migration is rarely idle; a connection that a pooler keeps open is, and still has the lock. */
function describeWait(holders: readonly Blocker[]): string {
  const who = holders.length > 0 ? `: ${describeBlockers(holders)}` : ''
  const isKept = holders.length > 0 && holders.every(({ state }) => state === 'idle')
  const advice =
    " It is idle: a transaction pooler may keep its connection. Set DATABASE_DIRECT_URL to the server's own address, and end that connection."
  return `Waiting for another migration to end${who}.${isKept ? advice : ''}`
}

/** Lets the next instance begin. The end of the connection does so too, but a pooler keeps the connection open. */
export async function endTurn(client: pg.Client): Promise<void> {
  await client.query('select pg_advisory_unlock($1)', [MIGRATION_LOCK]).catch(() => {
    // The connection has ended, and the lock with it.
  })
}

const ACTIVITY = `select pid, coalesce(application_name, '') as application, coalesce(usename, '') as user,
  coalesce(state, '') as state, extract(epoch from now() - coalesce(xact_start, backend_start))::float as seconds
  from pg_stat_activity`

async function lockHolders(client: pg.Client): Promise<Blocker[]> {
  // pg_locks has a bigint key in two halves.
  const { rows } = await client.query<Blocker>(
    `${ACTIVITY} join pg_locks using (pid) where locktype = 'advisory' and granted and pg_locks.database =
      (select oid from pg_database where datname = current_database()) and classid = 0 and objid = $1 and objsubid = 1`,
    [MIGRATION_LOCK],
  )
  return rows
}

export type BlockerWatch = { latest: () => Blocker[]; stop: () => Promise<void> }

/**
 * Checks every `interval` milliseconds which sessions block the session `pid`, over a connection of its own, and reports
 * new ones: after the wait this is no longer known.
 */
export function watchBlockers(
  connectionString: string,
  pid: number,
  interval: number,
  onChange: (blockers: Blocker[]) => void,
): BlockerWatch {
  let latest: Blocker[] = []
  let observer: pg.Client | undefined
  let looking: Promise<void> = Promise.resolve()
  const look = async () => {
    observer ??= await connect(connectionString, `${SERVICE_NAME}-migrate-observer`)
    const { rows } = await observer.query<Blocker>(`${ACTIVITY} where pid = any (pg_blocking_pids($1))`, [
      pid,
    ])
    const known = new Set(latest.map(({ pid: one }) => one))
    if (rows.length > 0) latest = rows
    if (rows.some(({ pid: one }) => !known.has(one))) onChange(rows)
  }
  const timer = setInterval(() => {
    looking = looking.then(look).catch(() => {
      // Without a second connection, a failure is reported without the blockers.
      clearInterval(timer)
    })
  }, interval)
  return {
    latest: () => latest,
    async stop() {
      clearInterval(timer)
      await looking
      await observer?.end()
    },
  }
}
