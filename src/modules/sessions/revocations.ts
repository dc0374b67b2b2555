/** Which sessions have ended while their access tokens have not: known in memory, without a query per request. */
import type { FastifyBaseLogger } from 'fastify'
import type pg from 'pg'
import type { OutageLog } from '../../db/outage-log.ts'
import type { AccessClaims } from './access-tokens.ts'
import { createRevocationFeed } from './revocation-feed.ts'

export type Revocations = ReturnType<typeof createRevocations>

/** Sessions that were ended: single ones, and those of a user who had them all ended at once. */
export type Ended = { sessionIds: readonly string[]; userId?: string | undefined }

type Options = {
  /** Where to listen, and where the service's own statements go. */
  urls: { listenUrl: string; notifyUrl: string }
  /** How long an access token may outlive its session's end, in milliseconds: its life and the clock skew. */
  retention: number
  /** Whether a session has ended, asked of the database. */
  isRevokedInDatabase: (sessionId: string) => Promise<boolean>
  log: FastifyBaseLogger
  /** Shared with the pool, so that the database going is one line. */
  outage?: OutageLog
}

/** A user whose sessions were ended all at once. */
type EndedUser = {
  until: number /** Sessions that the database says were opened since, or kept. */
  live: Set<string>
}

const PRUNE_MS = 60_000

/** Ended sessions that one process remembers, about 120 bytes each. With more of them it asks the database. */
const MAX_SESSIONS = 500_000

/** Rows of one answer while the feed loads: more of them would hold up everything else in the process. */
const PAGE = 5000

const USER = 'user:'

const RECENT = `
  select '${USER}' || id as ended, extract(epoch from now() - sessions_ended_at) * 1000 as age
  from users where sessions_ended_at > now() - make_interval(secs => $1)
  union all
  select id::text, extract(epoch from now() - revoked_at) * 1000
  from sessions where revoked_at > now() - make_interval(secs => $1)`

/**
 * Keeps what was revoked within `retention` current over LISTEN/NOTIFY (triggers send one notification for a session,
 * and one for a user whose sessions end all at once). Of such a user, each session is looked up once: it may be newer
 * than the end. While the feed is not known to hear, `isRevoked` asks the database, and so fails closed where that is
 * down too. Times are of a monotonic clock: the wall clock may jump.
 */
export function createRevocations({ urls, retention, isRevokedInDatabase, log, outage }: Options) {
  const sessions = new Map<string, number>()
  const users = new Map<string, EndedUser>()
  /** Until when more has been revoked than is remembered; undefined where all is. */
  let incompleteUntil: number | undefined

  function note(payload: string, age = 0): void {
    const until = performance.now() - age + retention
    if (payload.startsWith(USER)) users.set(payload.slice(USER.length), { until, live: new Set() })
    else if (sessions.size < MAX_SESSIONS) sessions.set(payload, until)
    else incompleteUntil = Math.max(incompleteUntil ?? until, until)
  }

  /** Reads page by page: an answer of half a million rows would come too late, and take their memory twice. */
  async function load(client: pg.Client): Promise<void> {
    await client.query('begin read only')
    await client.query(`declare recent no scroll cursor for ${RECENT}`, [retention / 1000])
    let isMore = true
    while (isMore && incompleteUntil === undefined) {
      const { rows } = await client.query<{ ended: string; age: string }>(`fetch ${PAGE} from recent`)
      for (const { ended, age } of rows) note(ended, Number(age))
      isMore = rows.length === PAGE
    }
    // What was not read counts as revoked just now.
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

  /** Asks the database about a session, and remembers its answer for as long as it holds. */
  async function lookUp(sessionId: string, user: EndedUser): Promise<boolean> {
    const isRevoked = await isRevokedInDatabase(sessionId)
    if (isRevoked) note(sessionId)
    else user.live.add(sessionId)
    return isRevoked
  }

  return {
    open: feed.open,

    /** Whether the session of a token has ended. Rejects where neither the feed nor the database can say. */
    isRevoked({ sid, sub }: Pick<AccessClaims, 'sid' | 'sub'>): boolean | Promise<boolean> {
      if (sessions.has(sid)) return true
      if (!feed.isCurrent() || incompleteUntil !== undefined) return isRevokedInDatabase(sid)
      const user = users.size === 0 ? undefined : users.get(sub)
      return user === undefined || user.live.has(sid) ? false : lookUp(sid, user)
    },

    /** Takes note of sessions that this process has just ended, before the feed reports them. */
    add({ sessionIds, userId }: Ended): void {
      for (const sessionId of sessionIds) note(sessionId)
      if (userId !== undefined) note(USER + userId)
    },

    /** Whether the feed is up. */
    isCurrent: feed.isCurrent,

    async close(): Promise<void> {
      clearInterval(pruneTimer)
      await feed.close()
    },
  }
}
