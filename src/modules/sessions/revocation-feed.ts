/** The feed of revocations: LISTEN on its own connection, checked three times a second by a heartbeat. */
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

type Options = {
  /** Connection string for LISTEN. It must not go through a transaction pooler, which loses LISTEN. */
  listenUrl: string
  /** Connection string of the service's other statements, and so of its notifications. */
  notifyUrl: string
  /** Gets the payload of each notification, in the order of the commits. */
  onPayload: (payload: string) => void
  /** Reads what was revoked before the feed listened. */
  load: (client: pg.Client) => Promise<void>
  log: FastifyBaseLogger
  /** Gets the outages of the connections; the default is a log of the feed's own. */
  outage?: OutageLog | undefined
}

type Connections = { listener: pg.Client; notifier: pg.Client }

/** Time between two heartbeats. */
const HEARTBEAT_INTERVAL_MS = 300

/**
 * Longest time since the last received heartbeat was sent: 100 ms less than the second within which a revocation must
 * take effect. The same limit holds for a heartbeat to arrive.
 */
const HEARTBEAT_MAX_AGE_MS = 900

/** Pause before a new attempt: after a connection failed, and after the connections worked but lost a notification. */
const RECONNECT_MS = 500
const RECONNECT_AFTER_LOSS_MS = 5000

/** Longest response time of a connection that brought no notification. Above it, the connection counts as down. */
const RESPONSE_TIMEOUT_MS = 300

/** Prefix of the payload of a heartbeat. Instances of every version listen, so it must not change. */
const HEARTBEAT = 'probe:'

/** Transactions with notifications commit one after the other: a heartbeat's write to the disk would delay the others. */
const NOTIFY = `select set_config('synchronous_commit', 'off', true), pg_notify($1, $2)`

/** The log message when the connections work and notifications get lost. */
const NOTIFICATIONS_LOST =
  'revocation feed receives no notifications: every request checks its session in the database. A transaction pooler ' +
  'loses LISTEN: set DATABASE_DIRECT_URL to the address of the PostgreSQL server itself, with the database of DATABASE_URL'

class NotificationLost extends Error {}

/**
 * Returns a feed that listens for revocations, and checks with heartbeats that it receives them.
 *
 * A heartbeat is a numbered notification. It is sent over a second connection, like the service's own revocations. The
 * listening connection sends nothing meanwhile: through a transaction pooler, its own statements could receive the
 * notifications of the server connection that they use, which would prove nothing. PostgreSQL delivers notifications in
 * the order of their commits. So a received heartbeat proves that all revocations that were committed before it was sent
 * have been received. Ages are measured with a monotonic clock.
 */
export function createRevocationFeed(options: Options) {
  const { listenUrl, notifyUrl, onPayload, load, log, outage = createOutageLog(log) } = options
  let current: Connections | undefined
  /** When the last received heartbeat was sent. */
  let confirmedAt = -Infinity
  let isLossReported = false
  let isClosed = false
  let timer: NodeJS.Timeout | undefined

  async function connect(): Promise<void> {
    const opened = { listener: createClient(listenUrl), notifier: createClient(notifyUrl, '-heartbeat') }
    current = opened
    const heartbeat = createHeartbeat(opened)
    for (const client of [opened.listener, opened.notifier]) {
      client.on('error', error => disconnect(opened, error))
      client.on('end', () => disconnect(opened))
    }
    opened.listener.on('notification', ({ payload = '' }) => {
      if (!payload.startsWith(HEARTBEAT)) onPayload(payload)
      else if (current === opened) heartbeat.receive(payload)
    })
    try {
      await Promise.all([opened.listener.connect(), opened.notifier.connect()])
      // Listen first: a revocation between the two statements arrives as a notification.
      await opened.listener.query(`listen ${CHANNEL}`)
      await load(opened.notifier)
      await beat(opened, heartbeat)
    } catch (error) {
      disconnect(opened, error)
    }
  }

  /** Sends a heartbeat, waits until it is received, and schedules the next one. */
  async function beat(of: Connections, heartbeat: ReturnType<typeof createHeartbeat>): Promise<void> {
    const sentAt = performance.now()
    await heartbeat.send()
    if (current !== of) return
    confirmedAt = sentAt
    reportUp()
    const next = () => void beat(of, heartbeat).catch(error => disconnect(of, error))
    timer = setTimeout(next, Math.max(0, sentAt + HEARTBEAT_INTERVAL_MS - performance.now())).unref()
  }

  function disconnect(from: Connections, error?: unknown): void {
    if (current !== from) return
    current = undefined
    confirmedAt = -Infinity
    clearTimeout(timer)
    // Not awaited: end() waits for the server to close the connection, and a frozen server never does.
    for (const client of [from.listener, from.notifier]) {
      client.end().catch(err => log.debug({ err }, 'revocation feed did not close cleanly'))
    }
    if (isClosed) return
    const isLoss = error instanceof NotificationLost
    if (isLoss) reportLoss()
    else outage.begin('revocations', error)
    timer = setTimeout(connect, isLoss ? RECONNECT_AFTER_LOSS_MS : RECONNECT_MS).unref()
  }

  function reportLoss(): void {
    outage.end('revocations')
    if (!isLossReported) log.warn(NOTIFICATIONS_LOST)
    isLossReported = true
  }

  function reportUp(): void {
    outage.end('revocations')
    if (isLossReported) log.info('revocation feed is up')
    isLossReported = false
  }

  return {
    /** Connects. Resolves after the first heartbeat, or after the first attempt has failed. */
    open: connect,

    /** Returns whether all revocations that are older than a second have been received. */
    isCurrent: (): boolean => performance.now() - confirmedAt <= HEARTBEAT_MAX_AGE_MS,

    async close(): Promise<void> {
      isClosed = true
      clearTimeout(timer)
      const ends = [current?.listener.end(), current?.notifier.end()]
      // As for the pool: a frozen server does not close its side of the connection.
      await Promise.race([Promise.all(ends), sleep(CLOSE_TIMEOUT_MS, undefined, { ref: false })])
    },
  }
}

/** Returns functions that send heartbeats over one connection, and receive them on the other. */
function createHeartbeat({ listener, notifier }: Connections) {
  const nonce = randomBytes(12).toString('base64url')
  let count = 0
  let expected = Promise.withResolvers<void>()

  return {
    /**
     * Resolves when the heartbeat is received. Throws NotificationLost if it is not received in time although both
     * connections work.
     */
    async send(): Promise<void> {
      count += 1
      expected = Promise.withResolvers()
      const received = expected.promise
      let isSent = false
      const sent = notifier.query(NOTIFY, [CHANNEL, `${HEARTBEAT}${nonce}:${count}`]).then(() => {
        isSent = true
      })
      try {
        // As long as possible: if a busy instance gave up its feed, each of its requests would need one more query.
        await withTimeout(HEARTBEAT_MAX_AGE_MS, Promise.all([sent, received]), 'no heartbeat arrived in time')
      } catch (error) {
        if (!isSent) throw error
        const response = listener.query('select 1')
        await withTimeout(RESPONSE_TIMEOUT_MS, response, 'the listening connection does not respond')
        throw new NotificationLost('a notification was sent and did not arrive')
      }
    },

    receive(payload: string): void {
      if (payload === `${HEARTBEAT}${nonce}:${count}`) expected.resolve()
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
