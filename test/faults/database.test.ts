/** PostgreSQL is stopped, frozen and restarted under traffic, and the service recovers (P18). */
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { SERVICE_NAME } from '../../src/config/service-name.ts'
import { type OwnPostgres, startOwnPostgres } from '../helpers/postgres.ts'
import { type Answer, createRemote, type Remote, startTraffic } from '../helpers/remote.ts'
import { type Service, startService } from '../helpers/service.ts'
import { until } from '../helpers/until.ts'

const POOL_MAX = 4
const CLIENTS = 8
const METRICS_TOKEN = 'a-token-for-the-metrics'
const LIMITS = { DATABASE_CONNECT_TIMEOUT: '500ms', DATABASE_STATEMENT_TIMEOUT: '500ms' }
/** Queue, connect, statement and the driver's own slack of 500 ms each, and as much again for a busy machine. */
const DEADLINE_MS = 4000
/** The limit that P18 sets. */
const RECOVERY_MS = 5000

/** Well under SHUTDOWN_TIMEOUT, which is 20 s. */
const SHUTDOWN_MS = 10_000

let postgres: OwnPostgres
let service: Service
let remote: Remote
let user: Awaited<ReturnType<Remote['signUp']>>

beforeAll(async () => {
  postgres = await startOwnPostgres()
  service = await startService(postgres.url, {
    ...LIMITS,
    DATABASE_LOCK_TIMEOUT: '400ms',
    DATABASE_POOL_MAX: String(POOL_MAX),
    METRICS_TOKEN,
  })
  remote = createRemote(service.origin)
  user = await remote.signUp()
})
afterAll(async () => {
  await service?.stop()
  await postgres?.remove()
})

const readSelf = () => remote.call('GET', '/api/v1/users/me', { token: user.accessToken })
const rename = (displayName: string) =>
  remote.call('PUT', `/api/v1/users/${user.id}`, {
    token: user.accessToken,
    body: { displayName, email: user.email },
  })
const isReady = async () => (await remote.call('GET', '/health/ready')).status === 200

/** The response of every request while the database is down. */
function expectFailuresInTime(answers: Answer[]): void {
  const failures = answers.filter(answer => answer.status !== 200)
  expect(failures.length).toBeGreaterThan(0)
  for (const { status, text, headers, milliseconds } of failures) {
    expect(status, text).toBe(503)
    expect(headers.get('content-type')).toBe('application/problem+json')
    expect(headers.get('retry-after')).toBe('1')
    expect(JSON.parse(text).code).toBe('DATABASE_UNAVAILABLE')
    expect(milliseconds).toBeLessThan(DEADLINE_MS)
  }
}

/** Asserts that everything works again within the time of P18, and that nothing is left over. */
async function expectRecovery(): Promise<void> {
  await until(
    'an answer and readiness',
    async () => (await readSelf()).status === 200 && (await isReady()),
    RECOVERY_MS,
  )
  expect((await rename('Ada King')).status).toBe(200)
}

async function expectNothingLeft(): Promise<void> {
  await until('no request waits', async () => (await metric('db_pool_waiting_requests')) === 0)
  await until('all are idle', async () => (await metric('db_pool_idle_connections')) > 0)
  const open = () => metric('db_pool_connections')
  expect(await open()).toBeLessThanOrEqual(POOL_MAX)
  await until('the server has no more connections than the pool', async () => {
    return (await countConnections()) === (await open())
  })
  expect(await countConnections(`and state like 'idle in transaction%'`)).toBe(0)
}

async function countConnections(condition = ''): Promise<number> {
  const { rows } = await postgres.pool.query<{ count: number }>(
    `select count(*)::int from pg_stat_activity where application_name = ${pg.escapeLiteral(SERVICE_NAME)} ${condition}`,
  )
  return rows[0]?.count ?? 0
}

const linesWith = (text: string) => service.log.filter(line => line.includes(text)).length
const outages = () => linesWith('cannot connect to the database')
const recoveries = () => linesWith('connected to the database again')

const metric = (name: string) => remote.metric(name, METRICS_TOKEN)

describe('a database that vanishes', () => {
  let reads: ReturnType<typeof startTraffic>
  let writes: ReturnType<typeof startTraffic>
  let liveness: ReturnType<typeof startTraffic>

  beforeEach(async () => {
    await postgres.restore()
    await expectRecovery()
    let count = 0
    reads = startTraffic(CLIENTS, readSelf)
    writes = startTraffic(2, () => rename(`Ada ${count++}`))
    liveness = startTraffic(1, () => remote.call('GET', '/health/live'))
    await until('traffic flows', () => reads.answers.length > 20)
  })
  afterEach(async () => {
    const lives = await liveness.end()
    expect(lives.length).toBeGreaterThan(5)
    expect(new Set(lives.map(({ status }) => status))).toEqual(new Set([200]))
    expect(service.child.exitCode).toBeNull()
    await expectNothingLeft()
  })

  const endTraffic = async () => [...(await reads.end()), ...(await writes.end())]

  it('P18: PostgreSQL is restarted under traffic, and the service recovers by itself, with a line for each', async () => {
    // Errors of the test before may be reported late.
    await until('no outage is reported', () => outages() === recoveries())
    const { length } = service.log
    const events = () =>
      service.log
        .slice(length)
        .map(line => JSON.parse(line))
        .filter(({ msg }) => msg !== 'request completed')
        .map(({ level, msg, err }) => `${level}: ${msg}${err === undefined ? '' : ' (and a stack)'}`)
    await postgres.stop()
    await until('readiness fails', async () => !(await isReady()))
    expect((await readSelf()).status).toBe(503)
    await sleep(500)
    await postgres.start()
    await expectRecovery()
    await until('it says that the database is back', () => events().length > 1)
    expectFailuresInTime(await endTraffic())
    expect(events()).toEqual([
      expect.stringMatching(/^error: cannot connect to the database: [^()]+(\([A-Z0-9]+\))?$/),
      'info: connected to the database again',
    ])
  })

  it('P18: PostgreSQL freezes under traffic, responses come in time, and it continues', async () => {
    await postgres.freeze()
    const { length } = reads.answers
    await until('readiness fails', async () => !(await isReady()))
    await until('every client was refused', () => reads.answers.length >= length + 2 * CLIENTS)
    await postgres.thaw()
    await expectRecovery()
    expectFailuresInTime(await endTraffic())
  })

  it('P18: every connection is terminated, again and again, also inside transactions', async () => {
    let terminated = 0
    for (let round = 0; round < 20; round++) {
      terminated += await postgres.terminate(SERVICE_NAME)
      terminated += await postgres.terminate(`${SERVICE_NAME}-revocations`)
      await sleep(50)
    }
    expect(terminated).toBeGreaterThan(20)
    await expectRecovery()
    expectFailuresInTime(await endTraffic())
  })

  it('P18: a connection is terminated while its transaction waits for a lock', async () => {
    await writes.end()
    const holder = await postgres.pool.connect()
    await holder.query('begin')
    await holder.query('select from users where id = $1 for update', [user.id])
    let isOver = true
    let waiting: Promise<Answer> | undefined
    await until('the transaction waits', async () => {
      if ((await countConnections(`and wait_event_type = 'Lock'`)) === 1) return true
      // The wait for the lock takes 400 ms, which a busy machine may miss.
      if (isOver) {
        isOver = false
        waiting = rename('Ada Augusta').finally(() => {
          isOver = true
        })
      }
      return false
    })
    await postgres.terminate(SERVICE_NAME)
    expect((await waiting)?.status).toBe(503)
    await holder.query('rollback')
    holder.release()
    await expectRecovery()
    await reads.end()
  })
})

describe('a shutdown', () => {
  it('P18: ends in time with 0, also while PostgreSQL is frozen', async () => {
    await expectRecovery()
    await postgres.freeze()
    service.child.kill('SIGTERM')
    const late = sleep(SHUTDOWN_MS, 'still running', { ref: false })
    expect(await Promise.race([service.exited, late])).toEqual({ code: 0, signal: null })
  })
})
