/** The limit of connections, below the limit of open files, and the time that idle connections are kept open. */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import type { Environment } from '../../src/config/config.ts'
import { cloneDatabase, type TestDatabase } from '../helpers/database.ts'
import { openConnection } from '../helpers/raw-http.ts'
import { createRemote } from '../helpers/remote.ts'
import { type Service, startService } from '../helpers/service.ts'
import { until } from '../helpers/until.ts'

const METRICS_TOKEN = 'a-token-for-the-metrics'
const ALIVE = 'GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n'

let database: TestDatabase

beforeAll(async () => {
  database = await cloneDatabase()
})
afterAll(() => database.drop())

async function start(overrides: Environment = {}, nodeFlags: string[] = [], openFiles?: number) {
  const environment = { METRICS_TOKEN, ...overrides }
  const service = await startService(database.url, environment, nodeFlags, openFiles)
  onTestFinished(() => service.stop())
  const remote = createRemote(service.origin)
  return { service, remote, metric: (name: string) => remote.metric(name, METRICS_TOKEN) }
}

/** Opens connections that send nothing. `left` counts those that are still open. */
async function flood({ origin }: Service, count: number) {
  const { hostname, port } = new URL(origin)
  const closed = new Set<Socket>()
  const sockets = Array.from({ length: count }, () => {
    const socket = connect(Number(port), hostname)
    socket.on('error', () => {
      // It is closed, or reset.
    })
    socket.on('close', () => closed.add(socket)).resume()
    return socket
  })
  const end = () => {
    for (const socket of sockets) socket.destroy()
  }
  onTestFinished(end)
  await Promise.all(sockets.map(socket => Promise.race([once(socket, 'connect'), once(socket, 'close')])))
  return { left: () => count - closed.size, end }
}

const linesWith = ({ log }: Service, message: string) =>
  log.map(line => JSON.parse(line)).filter(({ msg }) => msg === message)

describe('MAX_CONNECTIONS', () => {
  it('closes further connections at once, counts them, logs one line, and accepts others afterwards', async () => {
    const { service, remote, metric } = await start({ MAX_CONNECTIONS: '20', REQUEST_TIMEOUT: '60s' })
    const kept = await openConnection(service.origin)
    const { left, end } = await flood(service, 100)
    await until('19 are left', () => left() === 19)
    kept.write(ALIVE)
    await until('the response', () => kept.statuses().length === 1)
    const told = () => linesWith(service, 'too many connections, new ones are closed')
    await until('the log says so', () => told().length > 0)
    end()
    await until('one is free', async () => (await metric('http_connections').catch(() => 20)) < 20)
    expect(await metric('http_connections_max')).toBe(20)
    expect(await metric('http_connections_dropped_total')).toBeGreaterThanOrEqual(81)
    expect((await remote.call('GET', '/health/live')).status).toBe(200)
    expect(told()).toMatchObject([{ level: 'warn', maxConnections: 20 }])
  })

  it('applies to each worker, and no worker passes on connections for ever', async () => {
    const { service, remote } = await start({
      MAX_CONNECTIONS: '5',
      WORKERS: '2',
      REQUEST_TIMEOUT: '60s',
    })
    const { left, end } = await flood(service, 60)
    await until('those of both are left', () => left() <= 10)
    end()
    const isOpen = () =>
      remote.call('GET', '/health/live').then(
        ({ status }) => status === 200,
        () => false,
      )
    await until('one is free', isOpen)
  })

  it('is lowered to the limit of open files, with a log line', async () => {
    const { service, metric } = await start({ MAX_CONNECTIONS: '5000' }, [], 400)
    expect(await metric('http_connections_max')).toBeLessThan(400)
    expect(linesWith(service, 'MAX_CONNECTIONS is lowered: too few files may be open')).toMatchObject([
      { level: 'warn', openFiles: 400 },
    ])
  })
})

describe('a flood beyond the limit of open files', () => {
  it('of silent connections leaves the service running, with files for everything else', async () => {
    const { service, remote, metric } = await start({ REQUEST_TIMEOUT: '2s' }, [], 400)
    // 100 files for the process itself, 10 for the pool.
    expect(await metric('http_connections_max')).toBe(290)
    const kept = await openConnection(service.origin)
    const { left } = await flood(service, 600)
    await until('the cap holds', () => left() < 290)
    // This sends a query, for which a connection to the database may have to be opened.
    kept.write('GET /health/ready HTTP/1.1\r\nhost: x\r\n\r\n')
    await until('the response', () => kept.statuses().length === 1)
    expect(kept.statuses()).toEqual([200])
    await until('REQUEST_TIMEOUT closes the silent ones', () => left() === 0)
    await remote.signUp()
    expect(service.child.exitCode).toBeNull()
    expect(service.log.filter(line => /"level":"(error|fatal)"/.test(line))).toEqual([])
  })

  it('is survived also where other files have used up the limit', async () => {
    const flags = ['--import', './test/helpers/exhaust-files.ts']
    const { service, remote } = await start({ MAX_EVENT_LOOP_DELAY: '1s' }, flags, 400)
    const kept = await openConnection(service.origin)
    service.child.kill('SIGUSR2')
    await until('no file can be opened', () => service.errors.join('').includes('EMFILE'))
    // Longer than a sample of the event loop.
    for (let seconds = 0; seconds < 2; seconds++) {
      await sleep(1000)
      kept.write(ALIVE)
    }
    await until('the responses', () => kept.statuses().length === 2)
    expect(kept.statuses()).toEqual([200, 200])
    const isOpen = () =>
      remote.call('GET', '/health/ready').then(
        ({ status }) => status === 200,
        () => false,
      )
    await until('files are free again', isOpen)
    expect(service.child.exitCode).toBeNull()
    expect(service.log.filter(line => /"level":"(error|fatal)"/.test(line))).toEqual([])
  })
})

describe('KEEP_ALIVE_TIMEOUT', () => {
  const isClosed = (connection: { closed: Promise<void> }, within: number) =>
    Promise.race([connection.closed.then(() => true), sleep(within, false)])

  it('keeps an idle connection open for its time, also with a shorter REQUEST_TIMEOUT', async () => {
    const { service } = await start({ KEEP_ALIVE_TIMEOUT: '600s', REQUEST_TIMEOUT: '1s' })
    const connection = await openConnection(service.origin)
    connection.write(ALIVE)
    await until('the first response', () => connection.statuses().length === 1)
    expect(connection.received()).toMatch(/^keep-alive: timeout=600\r$/im)
    expect(await isClosed(connection, 3500)).toBe(false)
    connection.write(ALIVE)
    await until('the second response', () => connection.statuses().length === 2)
    connection.close()
  })

  it('closes an idle connection after it, and is 72 s by default', async () => {
    const { service } = await start({ KEEP_ALIVE_TIMEOUT: '1s' })
    const connection = await openConnection(service.origin)
    connection.write(ALIVE)
    await until('the response', () => connection.statuses().length === 1)
    // Node adds a second: a client that uses the header's value is never cut off.
    expect(await isClosed(connection, 900)).toBe(false)
    expect(await isClosed(connection, 10_000)).toBe(true)
    const other = await start()
    expect((await other.remote.call('GET', '/health/live')).headers.get('keep-alive')).toBe('timeout=72')
  })
})
