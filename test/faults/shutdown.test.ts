/** The real process ends on signals and errors: drained, in order, with the right code, within a time limit (P20). */
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import type { Environment } from '../../src/config/config.ts'
import { cloneDatabase, type TestDatabase } from '../helpers/database.ts'
import { openConnection } from '../helpers/raw-http.ts'
import { createRemote } from '../helpers/remote.ts'
import { type Service, startService } from '../helpers/service.ts'
import { until } from '../helpers/until.ts'

const FAULTS = ['--import', './test/helpers/inject-fault.ts']
const GRACEFULLY = { code: 0, signal: null }
const WITH_ERROR = { code: 1, signal: null }
/** Well under SHUTDOWN_TIMEOUT, which is 20 s unless a test says otherwise. */
const SOON_MS = 8000

let database: TestDatabase

beforeAll(async () => {
  database = await cloneDatabase()
})
afterAll(() => database.drop())

async function start(overrides: Environment = {}, nodeFlags: string[] = []) {
  const service = await startService(database.url, overrides, nodeFlags)
  onTestFinished(() => void service.child.kill('SIGKILL'))
  return { ...service, remote: createRemote(service.origin) }
}

/** A write that waits until `release` is called, because another session has locked its row. */
async function startSlowRequest({ remote }: { remote: ReturnType<typeof createRemote> }) {
  const { id, email, displayName, accessToken } = await remote.signUp()
  const holder = await database.connect()
  await holder.query('begin')
  await holder.query('select from users where id = $1 for update', [id])
  const response = remote.call('PUT', `/api/v1/users/${id}`, {
    token: accessToken,
    body: { email, displayName },
  })
  response.catch(() => {
    // Where the process is killed, there is no response; the other tests await it.
  })
  await until('the request waits', async () => {
    const { rowCount } = await database.query(
      `select from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`,
    )
    return rowCount === 1
  })
  let isReleased = false
  const release = async () => {
    if (isReleased) return
    isReleased = true
    await holder.query('rollback')
    holder.release()
  }
  onTestFinished(release)
  return { response, release }
}

const PATIENT = {
  DATABASE_STATEMENT_TIMEOUT: '60s',
  DATABASE_LOCK_TIMEOUT: '60s',
  DATABASE_IDLE_IN_TRANSACTION_TIMEOUT: '60s',
}

const isRefused = ({ origin }: Service) =>
  fetch(`${origin}/health/live`).then(
    () => false,
    error => error.cause?.code === 'ECONNREFUSED',
  )

const isDraining = async ({ remote }: { remote: ReturnType<typeof createRemote> }) =>
  (await remote.call('GET', '/health/ready')).status === 503

const linesOf = ({ log }: Service, level: string) =>
  log.map(line => JSON.parse(line)).filter(line => line.level === level)

/** Asserts how a process ends, and that it does so before its timeout. */
async function expectEnd({ exited, log, errors }: Service, end: typeof GRACEFULLY) {
  const late = sleep(SOON_MS, 'still running', { ref: false })
  expect(await Promise.race([exited, late]), `${log.join('\n')}${errors.join('')}`).toEqual(end)
}

describe('a signal', () => {
  it('P20: completes a request in progress, after the listener has closed', async () => {
    const service = await start(PATIENT)
    const { response, release } = await startSlowRequest(service)
    service.child.kill('SIGTERM')
    await until('the listener closes', () => isRefused(service))
    await sleep(200)
    await release()
    expect((await response).status).toBe(200)
    await expectEnd(service, GRACEFULLY)
    expect(linesOf(service, 'info').some(({ msg }) => msg === 'shutting down')).toBe(true)
    expect([...linesOf(service, 'error'), ...linesOf(service, 'fatal')]).toEqual([])
  })

  it('P20: may come again and again, and changes nothing', async () => {
    const service = await start({ ...PATIENT, DRAIN_DELAY: '500ms' })
    const { response, release } = await startSlowRequest(service)
    for (let count = 0; count < 5; count++) {
      service.child.kill('SIGTERM')
      await sleep(100)
    }
    await until('the listener closes', () => isRefused(service))
    service.child.kill('SIGTERM')
    await release()
    expect((await response).status).toBe(200)
    await expectEnd(service, GRACEFULLY)
    expect(linesOf(service, 'info').filter(({ msg }) => msg === 'shutting down')).toHaveLength(1)
  })

  it('P20: is not delayed by connections that are idle, silent or in the middle of a request', async () => {
    const service = await start({ REQUEST_TIMEOUT: '1s' })
    const idle = await openConnection(service.origin)
    idle.write('GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n')
    await until('a response', () => idle.statuses().length === 1)
    const silent = await openConnection(service.origin)
    const halfway = await openConnection(service.origin)
    halfway.write('GET /health/live HTTP/1.1\r\nhost')
    const dripping = await openConnection(service.origin)
    dripping.write('POST /api/v1/auth/login HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n')
    dripping.write('content-length: 1000\r\n\r\n{')
    await sleep(50)
    service.child.kill('SIGTERM')
    await expectEnd(service, GRACEFULLY)
    await Promise.all([idle, silent, halfway, dripping].map(({ closed }) => closed))
  })

  it('P20: lets a client finish the request that it was sending when the listener closed', async () => {
    const service = await start()
    const connection = await openConnection(service.origin)
    connection.write('GET /health/live HTTP/1.1\r\nho')
    await sleep(50)
    service.child.kill('SIGTERM')
    await until('the listener closes', () => isRefused(service))
    connection.write('st: x\r\n\r\n')
    await connection.closed
    expect(connection.statuses()).toEqual([200])
    await expectEnd(service, GRACEFULLY)
  })

  it('P20: responds to every request of a pipeline before it closes the connection', async () => {
    const service = await start({ ...PATIENT, DRAIN_DELAY: '2s' })
    const { response, release } = await startSlowRequest(service)
    const connection = await openConnection(service.origin)
    service.child.kill('SIGTERM')
    await until('the drain begins', () => isDraining(service))
    connection.write('GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n'.repeat(5))
    await connection.closed
    expect(connection.statuses()).toEqual([200, 200, 200, 200, 200])
    expect(connection.received().match(/connection: close/gi)).toHaveLength(1)
    await release()
    expect((await response).status).toBe(200)
    await expectEnd(service, GRACEFULLY)
  })

  it('P20: ends the process with 1 where it cannot close in time, with a log line', async () => {
    const service = await start({ ...PATIENT, SHUTDOWN_TIMEOUT: '500ms' })
    const { release } = await startSlowRequest(service)
    service.child.kill('SIGTERM')
    await expectEnd(service, WITH_ERROR)
    expect(linesOf(service, 'fatal').map(({ msg }) => msg)).toEqual(['shutdown timed out'])
    await release()
  })

  it('from the keyboard counts once where npm repeats it, and a second one ends the process at once', async () => {
    const service = await start({ DRAIN_DELAY: '60s' })
    service.child.kill('SIGINT')
    await sleep(50)
    service.child.kill('SIGINT')
    await until('the drain begins', () => isDraining(service))
    await sleep(1100)
    expect(service.child.exitCode).toBeNull()
    expect((await service.remote.call('GET', '/health/live')).status).toBe(200)
    service.child.kill('SIGINT')
    await expectEnd(service, WITH_ERROR)
  })
})

describe('an uncaught error', () => {
  it.for([
    { signal: 'SIGUSR2', what: 'uncaught exception', message: 'injected exception' },
    { signal: 'SIGHUP', what: 'unhandled rejection', message: 'injected rejection' },
  ] as const)('is logged once as fatal, drained and ends with 1: $what', async fault => {
    const service = await start({ ...PATIENT, DRAIN_DELAY: '1s' }, FAULTS)
    const { response, release } = await startSlowRequest(service)
    service.child.kill(fault.signal)
    await until('the drain begins', () => isDraining(service))
    await until('the listener closes', () => isRefused(service))
    await release()
    expect((await response).status).toBe(200)
    await expectEnd(service, WITH_ERROR)
    const fatal = linesOf(service, 'fatal')
    expect(fatal).toHaveLength(1)
    expect(fatal[0]).toMatchObject({ msg: fault.what, err: { name: 'Error', message: fault.message } })
  })

  it('is logged also while the process drains, and then the process ends with 1', async () => {
    const service = await start({ DRAIN_DELAY: '2s' }, FAULTS)
    service.child.kill('SIGTERM')
    await until('the drain begins', () => isDraining(service))
    service.child.kill('SIGUSR2')
    await expectEnd(service, WITH_ERROR)
    expect(linesOf(service, 'fatal').map(({ msg }) => msg)).toEqual(['uncaught exception'])
  })
})
