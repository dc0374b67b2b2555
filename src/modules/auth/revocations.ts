/** Which sessions have ended while their access tokens have not: known in memory, without a query per request. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifyBaseLogger } from 'fastify'
import pg from 'pg'
import { FAREWELL_MS } from '../../db/client.ts'
import { within } from '../../lib/within.ts'

export type Revocations = ReturnType<typeof createRevocations>

type Options = {
  connectionString: string
  /** How long an access token may outlive its session's end, in milliseconds: its life and the clock skew. */
  retention: number
  /** Whether a session has ended, asked of the database. */
  isRevokedInDatabase: (sessionId: string) => Promise<boolean>
  log: FastifyBaseLogger
}

/** A feed that has been silent for longer counts as down: with the answer's time-out, well under a second. */
const HEARTBEAT_MS = 300
const HEARTBEAT_TIMEOUT_MS = 300
const RECONNECT_MS = 500
const PRUNE_MS = 60_000

const RECENT = `select id, extract(epoch from now() - revoked_at) * 1000 as age from sessions
  where revoked_at > now() - make_interval(secs => $1)`

/**
 * Keeps the set of sessions revoked within `retention` current over LISTEN/NOTIFY (a trigger sends one for every
 * revocation, at commit). A heartbeat on the same connection tells a silent feed from a dead one. While it is down,
 * `isRevoked` asks the database, and so fails closed where that is down too.
 */
export function createRevocations({ connectionString, retention, isRevokedInDatabase, log }: Options) {
  const ended = new Map<string, number>()
  let client: pg.Client | undefined
  let isCurrent = false
  let isClosed = false
  let reconnectTimer: NodeJS.Timeout | undefined
  let heartbeatTimer: NodeJS.Timeout | undefined

  const add = (sessionId: string, age = 0) => ended.set(sessionId, Date.now() - age + retention)
  const pruneTimer = setInterval(() => {
    for (const [sessionId, until] of ended) if (until < Date.now()) ended.delete(sessionId)
  }, PRUNE_MS).unref()

  async function connect(): Promise<void> {
    const opened = new pg.Client({
      connectionString,
      connectionTimeoutMillis: 2000,
      query_timeout: 2000,
      keepAlive: true,
      application_name: 'plumbline-revocations',
    })
    client = opened
    opened.on('error', err => disconnect(opened, err))
    opened.on('end', () => disconnect(opened))
    opened.on('notification', ({ payload }) => payload && add(payload))
    try {
      await opened.connect()
      // Listen first: what is revoked between the two statements arrives as a notification.
      await opened.query('listen session_revoked')
      const { rows } = await opened.query<{ id: string; age: string }>(RECENT, [retention / 1000])
      for (const { id, age } of rows) add(id, Number(age))
      if (client !== opened) return
      isCurrent = true
      scheduleHeartbeat(opened)
    } catch (error) {
      disconnect(opened, error)
    }
  }

  function scheduleHeartbeat(of: pg.Client) {
    heartbeatTimer = setTimeout(() => beat(of), HEARTBEAT_MS).unref()
  }

  async function beat(of: pg.Client) {
    try {
      // An instance that is busy already must not take the feed for dead: that adds a query to each of its requests.
      await within(HEARTBEAT_TIMEOUT_MS, of.query('select 1'), 'heartbeat timed out')
      if (client === of) scheduleHeartbeat(of)
    } catch (error) {
      disconnect(of, error)
    }
  }

  function disconnect(from: pg.Client, err?: unknown) {
    if (client !== from) return
    client = undefined
    isCurrent = false
    clearTimeout(heartbeatTimer)
    // A frozen server would not answer the farewell that end() waits for.
    from.end().catch(error => log.debug({ err: error }, 'revocation feed did not close cleanly'))
    if (isClosed) return
    log.warn({ err }, 'revocation feed is down: sessions are checked in the database')
    reconnectTimer = setTimeout(connect, RECONNECT_MS).unref()
  }

  return {
    /** Connects; resolves when the set is current or the first attempt has failed. */
    open: connect,

    /** Whether a session has ended. Rejects where neither the feed nor the database can tell. */
    isRevoked(sessionId: string): boolean | Promise<boolean> {
      return ended.has(sessionId) || (isCurrent ? false : isRevokedInDatabase(sessionId))
    },

    /** Takes note of sessions that this process has just ended, before the feed says so. */
    add: (sessionIds: string[]): void => {
      for (const sessionId of sessionIds) add(sessionId)
    },

    /** Whether the feed is up. */
    isCurrent: (): boolean => isCurrent,

    async close(): Promise<void> {
      isClosed = true
      clearInterval(pruneTimer)
      clearTimeout(reconnectTimer)
      clearTimeout(heartbeatTimer)
      // As for the pool: a frozen server answers no farewell.
      await Promise.race([client?.end(), sleep(FAREWELL_MS, undefined, { ref: false })])
    },
  }
}
