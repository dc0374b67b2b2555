/** Keeps in memory which sessions have ended before their access tokens expire, so that a request needs no query. */
import type { FastifyBaseLogger } from 'fastify'
import type pg from 'pg'
import type { OutageLog } from '../../db/outage-log.ts'
import type { AccessClaims } from './access-tokens.ts'
import { createRevocationFeed } from './revocation-feed.ts'

export type Revocations = ReturnType<typeof createRevocations>

/** Sessions that have ended: single ones, and all sessions of the user `userId`, with at most one exception. */
export type Ended = { sessionIds: readonly string[]; userId?: string | undefined }

type Options = {
  /** The connection strings for LISTEN, and for the service's other statements. */
  urls: { listenUrl: string; notifyUrl: string }
  /** Milliseconds for which an ended session is remembered: the longest time that one of its access tokens is valid. */
  retention: number
  /** Returns whether a session has ended, from the database. */
  isRevokedInDatabase: (sessionId: string) => Promise<boolean>
  log: FastifyBaseLogger
  /** Shared with the pool, so that the log has one line for an outage of the database. */
  outage?: OutageLog
}

/** A user whose sessions were all ended at once. */
type EndedUser = {
  until: number
  /** The ids of sessions that are live according to the database: opened later, or the one that was kept. */
  live: Set<string>
}

const PRUNE_MS = 60_000

/** Most ended sessions that one process remembers, at about 120 bytes each. With more, it queries the database. */
const MAX_SESSIONS = 500_000

/** Rows that are fetched at a time while the feed loads. More would block the event loop for too long. */
const PAGE = 5000

/** Prefix of the payload for a user whose sessions have all ended. The payload for a session is its id. */
const USER = 'user:'

const RECENT = `
  select '${USER}' || id as ended, extract(epoch from now() - sessions_ended_at) * 1000 as age
  from users where sessions_ended_at > now() - make_interval(secs => $1)
  union all
  select id::text, extract(epoch from now() - revoked_at) * 1000
  from sessions where revoked_at > now() - make_interval(secs => $1)`

/**
 * Returns the revocations of the last `retention` milliseconds, kept current with LISTEN/NOTIFY. Triggers send one
 * notification for a session, or one for a user whose sessions all end at once. Each session of such a user is looked up
 * once, because it may be newer than that end. Without a recent heartbeat of the feed, `isRevoked` queries the database;
 * if that is down too, it rejects. All times are of a monotonic clock, because the wall clock may jump.
 */
export function createRevocations({ urls, retention, isRevokedInDatabase, log, outage }: Options) {
  const sessions = new Map<string, number>()
  const users = new Map<string, EndedUser>()
  /** Until this time, the memory lacks some revoked sessions; undefined if it is complete. */
  let incompleteUntil: number | undefined

  function note(payload: string, age = 0): void {
    const until = performance.now() - age + retention
    if (payload.startsWith(USER)) users.set(payload.slice(USER.length), { until, live: new Set() })
    else if (sessions.size < MAX_SESSIONS) sessions.set(payload, until)
    else incompleteUntil = Math.max(incompleteUntil ?? until, until)
  }

  /** Reads earlier revocations in pages: half a million rows at once would take too long, and twice the memory. */
  async function load(client: pg.Client): Promise<void> {
    await client.query('begin read only')
    await client.query(`declare recent no scroll cursor for ${RECENT}`, [retention / 1000])
    let isMore = true
    while (isMore && incompleteUntil === undefined) {
      const { rows } = await client.query<{ ended: string; age: string }>(`fetch ${PAGE} from recent`)
      for (const { ended, age } of rows) note(ended, Number(age))
      isMore = rows.length === PAGE
    }
    // The sessions that were not read are treated as revoked now.
    if (isMore) incompleteUntil = performance.now() + retention
    await client.query('commit')
  }

  const feed = createRevocationFeed({ ...urls, onPayload: note, load, log, outage })

  const pruneTimer = setInterval(() => {
    const now = performance.now()
    for (const [id, until] of sessions) if (until < now) sessions.delete(id)
    for (const [id, { until }] of users) if (until < now) users.delete(id)
    if (incompleteUntil !== undefined && incompleteUntil < now) incompleteUntil = undefined
  }, PRUNE_MS).unref()

  /** Returns whether a session has ended, from the database, and remembers the result. */
  async function lookUp(sessionId: string, user: EndedUser): Promise<boolean> {
    const isRevoked = await isRevokedInDatabase(sessionId)
    if (isRevoked) note(sessionId)
    else user.live.add(sessionId)
    return isRevoked
  }

  return {
    open: feed.open,

    /** Returns whether the session of a token has ended. Rejects if both the feed and the database are down. */
    isRevoked({ sid, sub }: Pick<AccessClaims, 'sid' | 'sub'>): boolean | Promise<boolean> {
      if (sessions.has(sid)) return true
      if (!feed.isCurrent() || incompleteUntil !== undefined) return isRevokedInDatabase(sid)
      const user = users.size === 0 ? undefined : users.get(sub)
      return user === undefined || user.live.has(sid) ? false : lookUp(sid, user)
    },

    /** Remembers sessions that this process has just ended, before the feed reports them. */
    add({ sessionIds, userId }: Ended): void {
      for (const sessionId of sessionIds) note(sessionId)
      if (userId !== undefined) note(USER + userId)
    },

    /** Returns whether the feed has a recent heartbeat. */
    isCurrent: feed.isCurrent,

    async close(): Promise<void> {
      clearInterval(pruneTimer)
      await feed.close()
    },
  }
}
