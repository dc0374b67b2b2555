/** The feed of revocations: LISTEN on a connection of its own, and a proof, three times a second, that it hears. */
import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifyBaseLogger } from 'fastify'
import pg from 'pg'
import { SERVICE_NAME } from '../../config/service-name.ts'
import { CLOSE_TIMEOUT_MS } from '../../db/client.ts'
import { createOutageLog, type OutageLog } from '../../db/outage-log.ts'
import { withTimeout } from '../../process/with-timeout.ts'

/** The channel of the triggers on `sessions` and `users`. */
export const CHANNEL = 'session_revoked'

export type RevocationFeed = ReturnType<typeof createRevocationFeed>

type Options = {
  /** Where to listen: past a transaction pooler, which loses LISTEN. */
  listenUrl: string
  /** Where the service's own statements go, and so its notifications. */
  notifyUrl: string
  /** Gets the payload of each notification, in the order of the commits. */
  onPayload: (payload: string) => void
  /** Reads what was revoked before the feed listened. */
  load: (client: pg.Client) => Promise<void>
  log: FastifyBaseLogger
  /** Hears whether the connections can be made; one of its own unless given. */
  outage?: OutageLog | undefined
}

type Connections = { listener: pg.Client; notifier: pg.Client }

/** The time from one probe to the next. */
const BEAT_MS = 300

/**
 * How old the last proof may be: 100 ms less than the second within which a revocation must take effect. A probe that
 * takes longer to come back means that the feed is of no use.
 */
const PROOF_MAX_AGE_MS = 900

/** The pause before a new attempt, and where a connection worked but brought no notifications. */
const RECONNECT_MS = 500
const RECONNECT_DEAF_MS = 5000

/** How long a connection that brought no notification may take to answer, before it counts as down. */
const ANSWER_MS = 300

const PROBE = 'probe:'

/** All notifying transactions commit one after the other: a probe must not keep them waiting for its write to the disk. */
const NOTIFY = `select set_config('synchronous_commit', 'off', true), pg_notify($1, $2)`

/** What the log says where the connections work and the feed is down. */
const DEAF =
  'revocation feed hears no notifications: every request checks its session in the database. A transaction pooler ' +
  'loses LISTEN: set DATABASE_DIRECT_URL to the address of the PostgreSQL server itself, with the database of DATABASE_URL'

class NotHeard extends Error {}

/**
 * Listens for revocations, and proves over and over that it hears them.
 *
 * A probe is a notification with a number, sent over a second connection the way the service's own revocations are. The
 * listening connection sends nothing meanwhile: through a transaction pooler its own statements would bring it the
 * notifications of the server connection that they happen to use, and prove nothing. PostgreSQL delivers notifications
 * in the order of their commits, so a probe that is heard proves that all revocations committed before it was sent are
 * known. Ages are measured with a monotonic clock.
 */
export function createRevocationFeed(options: Options) {
  const { listenUrl, notifyUrl, onPayload, load, log, outage = createOutageLog(log) } = options
  let current: Connections | undefined
  /** When the latest probe that was heard was sent. */
  let provenAt = -Infinity
  let isReportedDeaf = false
  let isClosed = false
  let timer: NodeJS.Timeout | undefined

  async function connect(): Promise<void> {
    const opened = { listener: createClient(listenUrl), notifier: createClient(notifyUrl, '-probe') }
    current = opened
    const probes = createProbes(opened)
    for (const client of [opened.listener, opened.notifier]) {
      client.on('error', error => disconnect(opened, error))
      client.on('end', () => disconnect(opened))
    }
    opened.listener.on('notification', ({ payload = '' }) => {
      if (!payload.startsWith(PROBE)) onPayload(payload)
      else if (current === opened) probes.hear(payload)
    })
    try {
      await Promise.all([opened.listener.connect(), opened.notifier.connect()])
      // Listen first: what is revoked between the two statements arrives as a notification.
      await opened.listener.query(`listen ${CHANNEL}`)
      await load(opened.notifier)
      await beat(opened, probes)
    } catch (error) {
      disconnect(opened, error)
    }
  }

  /** Sends a probe, waits until it is heard, and makes an appointment for the next. */
  async function beat(of: Connections, probes: ReturnType<typeof createProbes>): Promise<void> {
    const sentAt = performance.now()
    await probes.send()
    if (current !== of) return
    provenAt = sentAt
    reportUp()
    const next = () => void beat(of, probes).catch(error => disconnect(of, error))
    timer = setTimeout(next, Math.max(0, sentAt + BEAT_MS - performance.now())).unref()
  }

  function disconnect(from: Connections, error?: unknown): void {
    if (current !== from) return
    current = undefined
    provenAt = -Infinity
    clearTimeout(timer)
    // A frozen server would not answer the farewell that end() waits for.
    for (const client of [from.listener, from.notifier]) {
      client.end().catch(err => log.debug({ err }, 'revocation feed did not close cleanly'))
    }
    if (isClosed) return
    const isDeaf = error instanceof NotHeard
    if (isDeaf) reportDeaf()
    else outage.begin('revocations', error)
    timer = setTimeout(connect, isDeaf ? RECONNECT_DEAF_MS : RECONNECT_MS).unref()
  }

  function reportDeaf(): void {
    outage.end('revocations')
    if (!isReportedDeaf) log.warn(DEAF)
    isReportedDeaf = true
  }

  function reportUp(): void {
    outage.end('revocations')
    if (isReportedDeaf) log.info('revocation feed is up')
    isReportedDeaf = false
  }

  return {
    /** Connects; resolves when the feed is proven to hear or the first attempt has failed. */
    open: connect,

    /** Whether all that was revoked more than a second ago has been heard. */
    isCurrent: (): boolean => performance.now() - provenAt <= PROOF_MAX_AGE_MS,

    async close(): Promise<void> {
      isClosed = true
      clearTimeout(timer)
      const ends = [current?.listener.end(), current?.notifier.end()]
      // As for the pool: a frozen server answers no farewell.
      await Promise.race([Promise.all(ends), sleep(CLOSE_TIMEOUT_MS, undefined, { ref: false })])
    },
  }
}

/** Sends probes over one connection and waits for them on the other. */
function createProbes({ listener, notifier }: Connections) {
  const nonce = randomBytes(12).toString('base64url')
  let count = 0
  let expected = Promise.withResolvers<void>()

  return {
    /** Resolves when the probe was heard. Throws NotHeard where both connections work and it was not heard in time. */
    async send(): Promise<void> {
      count += 1
      expected = Promise.withResolvers()
      const heard = expected.promise
      let isSent = false
      const sent = notifier.query(NOTIFY, [CHANNEL, `${PROBE}${nonce}:${count}`]).then(() => {
        isSent = true
      })
      try {
        // An instance that is busy must not take the feed for dead: that adds a query to each of its requests.
        await withTimeout(PROOF_MAX_AGE_MS, Promise.all([sent, heard]), 'no probe came back in time')
      } catch (error) {
        if (!isSent) throw error
        await withTimeout(ANSWER_MS, listener.query('select 1'), 'the listening connection does not answer')
        throw new NotHeard('a notification was sent and did not arrive')
      }
    },

    hear(payload: string): void {
      if (payload === `${PROBE}${nonce}:${count}`) expected.resolve()
    },
  }
}

function createClient(connectionString: string, suffix = ''): pg.Client {
  return new pg.Client({
    connectionString,
    connectionTimeoutMillis: 2000,
    query_timeout: 2000,
    keepAlive: true,
    application_name: `${SERVICE_NAME}-revocations${suffix}`,
  })
}
