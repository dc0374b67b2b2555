/** Several workers on one port: common metrics, a worker that dies, an end in order, and no process left. */
import { readFileSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import type { Environment } from '../../src/config/config.ts'
import { cloneDatabase, type TestDatabase } from '../helpers/database.ts'
import { lintMetrics } from '../helpers/promtool.ts'
import { createRemote, startTraffic } from '../helpers/remote.ts'
import { type Service, startService } from '../helpers/service.ts'
import { until } from '../helpers/until.ts'

const TOKEN = 'a-token-of-enough-length'
let database: TestDatabase

beforeAll(async () => {
  database = await cloneDatabase()
})
afterAll(() => database.drop())

const start = (overrides: Environment = {}) =>
  startService(database.url, { WORKERS: '2', METRICS_TOKEN: TOKEN, ...overrides })

function childrenOf(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
    .trim()
    .split(' ')
    .filter(Boolean)
    .map(Number)
}

function isAlive(pid: number): boolean {
  try {
    // A zombie that waits for its parent has ended.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}

/** A request on a connection of its own, which may reach any worker, unless an agent is given. */
function ask(
  origin: string,
  path: string,
  token?: string,
  agent: Agent | false = false,
): Promise<{ status: number; text: string }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number; text: string }>()
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` }
  request(origin + path, { agent, headers }, response => {
    let text = ''
    response.setEncoding('utf8').on('data', chunk => {
      text += chunk
    })
    response.on('end', () => resolve({ status: response.statusCode ?? 0, text }))
  })
    .on('error', reject)
    .end()
  return promise
}

const askOften = (times: number, origin: string, path: string, token?: string) =>
  Promise.all(Array.from({ length: times }, () => ask(origin, path, token)))

describe('two workers', () => {
  let service: Service

  beforeAll(async () => {
    service = await start()
    await until('both listen', () => listeners(service) === 2)
  })
  afterAll(() => service.stop())

  it('serve one port, and any worker reports the metrics of both', async () => {
    const responses = await askOften(40, service.origin, '/health/live')
    expect(new Set(responses.map(({ status }) => status))).toEqual(new Set([200]))
    const metrics = await askOften(6, service.origin, '/metrics', TOKEN)
    const count =
      /^http_request_duration_seconds_count\{method="GET",route="\/health\/live",status="200"\} (\d+)$/m
    expect(new Set(metrics.map(({ text }) => count.exec(text)?.[1]))).toEqual(new Set(['40']))
    // The total of both: one alone has about 60 MB.
    expect(metrics[0]?.text).toMatch(/^process_resident_memory_bytes \d{9}$/m)
    expect((await ask(service.origin, '/metrics')).status).toBe(401)
    expect(lintMetrics(metrics[0]?.text ?? '')).toBe('')
  })

  const TOTAL =
    /^http_request_duration_seconds_count\{method="GET",route="\/health\/live",status="200"\} (\d+)$/m

  const valueIn = (text: string, name: string) =>
    Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1] ?? Number.NaN)

  /** Metrics from any worker that responds within two seconds: a connection may go to one that is blocked. */
  async function scrape(): Promise<string> {
    for (let tries = 0; tries < 10; tries++) {
      const response = await Promise.race([ask(service.origin, '/metrics', TOKEN), sleep(2000, undefined)])
      if (response?.status === 200) return response.text
    }
    throw new Error('no worker sends the metrics')
  }

  it('report partial metrics within a second while one is blocked, and totals do not go down', async () => {
    await askOften(20, service.origin, '/health/live')
    const before = await scrape()
    const [frozen = 0] = childrenOf(service.pid)
    process.kill(frozen, 'SIGSTOP')
    try {
      const text = await scrape()
      expect(Number(TOTAL.exec(text)?.[1])).toBe(Number(TOTAL.exec(before)?.[1]))
      expect(valueIn(text, 'workers_configured')).toBe(2)
      expect(valueIn(text, 'workers_reporting')).toBe(1)
      // A gauge has the value of the other worker alone.
      expect(valueIn(text, 'process_resident_memory_bytes')).toBeLessThan(
        0.75 * valueIn(before, 'process_resident_memory_bytes'),
      )
    } finally {
      process.kill(frozen, 'SIGCONT')
    }
    await until('both report', async () => valueIn(await scrape(), 'workers_reporting') === 2)
  })

  it('P4: both refuse the tokens of a session from its end on', async () => {
    const remote = createRemote(service.origin)
    const { accessToken } = await remote.signUp()
    const before = await askOften(10, service.origin, '/api/v1/users/me', accessToken)
    expect(new Set(before.map(({ status }) => status))).toEqual(new Set([200]))
    await remote.call('POST', '/api/v1/auth/logout', { token: accessToken })
    const statuses = async () =>
      (await askOften(10, service.origin, '/api/v1/users/me', accessToken)).map(({ status }) => status)
    await expect.poll(async () => new Set(await statuses()), { timeout: 5000 }).toEqual(new Set([401]))
  })

  it('continue when one of them dies, and it is replaced', async () => {
    const [victim = 0, survivor = 0] = childrenOf(service.pid)
    await askOften(40, service.origin, '/health/live')
    const before = Number(TOTAL.exec(await scrape())?.[1])
    process.kill(victim, 'SIGKILL')
    // Until the first process knows, it passes connections to the dead worker, and they get no response.
    await until('its end is noticed', () => service.log.join('\n').includes('a worker ended and is replaced'))
    expect(isAlive(victim)).toBe(false)
    const text = await scrape()
    expect(Number(TOTAL.exec(text)?.[1])).toBe(before)
    expect(valueIn(text, 'process_cpu_seconds_total')).toBeGreaterThan(0)
    const responses = await askOften(10, service.origin, '/health/live')
    expect(new Set(responses.map(({ status }) => status))).toEqual(new Set([200]))
    await expect.poll(() => listeners(service), { timeout: 120_000 }).toBe(3)
    const children = childrenOf(service.pid)
    expect(children).toHaveLength(2)
    expect(children).toContain(survivor)
    const after = await scrape()
    expect(Number(TOTAL.exec(after)?.[1])).toBe(before + 10)
    expect(valueIn(after, 'workers_reporting')).toBe(2)
  })

  it('refuse to send metrics while the first process is blocked', async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    onTestFinished(() => agent.destroy())
    // A connection that a worker already has: the blocked first process passes on no new one.
    await ask(service.origin, '/health/ready', undefined, agent)
    process.kill(service.pid, 'SIGSTOP')
    try {
      const { status, text } = await ask(service.origin, '/metrics', TOKEN, agent)
      expect([status, JSON.parse(text).detail]).toEqual([
        503,
        'The first process did not send the metrics in time',
      ])
    } finally {
      process.kill(service.pid, 'SIGCONT')
    }
    expect(valueIn(await scrape(), 'workers_configured')).toBe(2)
  })

  it('keep the totals of one that dies before it has accepted a connection', async () => {
    const deaths = () => service.log.filter(line => line.includes('a worker ended')).length
    const [victim = 0] = childrenOf(service.pid)
    await askOften(40, service.origin, '/health/live')
    const before = Number(TOTAL.exec(await scrape())?.[1])
    const deathsBefore = deaths()
    process.kill(victim, 'SIGSTOP')
    const waiting = Array.from({ length: 4 }, () =>
      request(`${service.origin}/health/ready`, { agent: false })
        .on('error', () => {})
        .end(),
    )
    try {
      // The other worker responds: by then the first process has passed on the earlier connections.
      await scrape()
      process.kill(victim, 'SIGKILL')
      await until('its end is noticed', () => deaths() > deathsBefore)
      expect(Number(TOTAL.exec(await scrape())?.[1])).toBe(before)
      await until('another reports', async () => valueIn(await scrape(), 'workers_reporting') === 2)
      expect(Number(TOTAL.exec(await scrape())?.[1])).toBe(before)
    } finally {
      for (const each of waiting) each.destroy()
    }
  })
})

function listeners({ log }: Service): number {
  return log.filter(line => line.includes('Server listening at')).length
}

it('P20: a deploy of workers drops no request and leaves no process', async () => {
  // Long enough for one check of the load balancer on a busy machine.
  const service = await start({ DRAIN_DELAY: '2s' })
  await expect.poll(() => listeners(service), { timeout: 120_000 }).toBe(2)
  const workers = childrenOf(service.pid)
  const remote = createRemote(service.origin)
  const { accessToken: token } = await remote.signUp()
  const traffic = startTraffic(8, () => remote.call('GET', '/api/v1/users/me', { token }), 1)
  await expect.poll(() => traffic.answers.length, { timeout: 20_000 }).toBeGreaterThan(200)
  const sent = traffic.answers.length
  service.child.kill('SIGTERM')
  service.child.kill('SIGTERM')
  // A load balancer sees that readiness fails, and sends its traffic elsewhere while requests still succeed.
  await expect
    .poll(async () => (await remote.call('GET', '/health/ready')).status, { interval: 5, timeout: 10_000 })
    .toBe(503)
  const responses = await traffic.end()
  expect(responses.length).toBeGreaterThan(sent)
  expect(new Set(responses.map(({ status }) => status))).toEqual(new Set([200]))
  expect(await service.exited).toEqual({ code: 0, signal: null })
  for (const worker of workers) expect(isAlive(worker)).toBe(false)
  for (const line of service.log) JSON.parse(line)
})

it('P42: workers do not outlive the process that started them', async () => {
  const service = await start()
  const workers = childrenOf(service.pid)
  expect(workers).toHaveLength(2)
  service.child.kill('SIGKILL')
  await expect.poll(() => workers.some(isAlive), { timeout: 10_000 }).toBe(false)
})

it('a worker that cannot listen ends all of them, with the reason', async () => {
  const holder = await start({ WORKERS: '1' })
  try {
    const { port } = new URL(holder.origin)
    await expect(start({ PORT: port })).rejects.toThrow(/exited with 1: .*EADDRINUSE/s)
  } finally {
    await holder.stop()
  }
})
