/** A rolling deploy under keep-alive load, behind a load balancer (P20). */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { cloneDatabase, type TestDatabase } from '../helpers/database.ts'
import { startLoadBalancer } from '../helpers/load-balancer.ts'
import { createRemote } from '../helpers/remote.ts'
import { type Service, startService } from '../helpers/service.ts'
import { until } from '../helpers/until.ts'

const REQUESTS = 5000
const CLIENTS = 16
/** Many times as long as the load balancer needs to see that readiness fails. */
const DRAIN_DELAY_MS = 2500
const GRACE_MS = 20_000
const ENVIRONMENT = { DRAIN_DELAY: `${DRAIN_DELAY_MS}ms` }

let database: TestDatabase
const services: Service[] = []

const start = async () => {
  const service = await startService(database.url, ENVIRONMENT)
  services.push(service)
  return service
}

beforeAll(async () => {
  database = await cloneDatabase()
  await Promise.all([start(), start()])
})
afterAll(async () => {
  await Promise.all(services.map(service => service.stop()))
  await database.drop()
})

/** Ends a process under load, and checks each step of its end. */
async function retire(service: Service, balancer: ReturnType<typeof startLoadBalancer>, token: string) {
  const remote = createRemote(service.origin)
  const since = performance.now()
  service.child.kill('SIGTERM')
  await until('the balancer sees it', () => !balancer.isReady(service.origin))
  expect((await remote.call('GET', '/health/ready')).status).toBe(503)
  const response = await remote.call('GET', '/api/v1/users/me', { token })
  expect(response.status).toBe(200)
  expect(response.headers.get('connection')).toBe('close')
  service.child.kill('SIGTERM')
  expect(await service.exited).toEqual({ code: 0, signal: null })
  const milliseconds = performance.now() - since
  expect(milliseconds).toBeGreaterThanOrEqual(DRAIN_DELAY_MS)
  expect(milliseconds).toBeLessThan(GRACE_MS)
}

describe('a rolling deploy', () => {
  it('P20: replaces every process under load, with none of 5,000 requests failed', async () => {
    const [first, second] = services as [Service, Service]
    const user = await createRemote(first.origin).signUp()
    const headers = { authorization: `Bearer ${user.accessToken}`, 'content-type': 'application/json' }
    const body = JSON.stringify({ displayName: user.displayName, email: user.email })
    let count = 0
    const balancer = startLoadBalancer(CLIENTS, () =>
      count++ % 10 === 0
        ? { method: 'PUT', path: `/api/v1/users/${user.id}`, headers, body }
        : { method: 'GET', path: '/api/v1/users/me', headers },
    )
    try {
      for (const { origin } of services) balancer.add(origin)
      await until('both are ready', () => services.every(({ origin }) => balancer.isReady(origin)))
      balancer.start()
      for (const old of [first, second]) {
        const replacement = await start()
        balancer.add(replacement.origin)
        await until('the new one is ready', () => balancer.isReady(replacement.origin))
        await retire(old, balancer, user.accessToken)
      }
      await until('enough requests', () => balancer.answered() >= REQUESTS, 20_000)
    } finally {
      await balancer.end()
    }
    expect(balancer.failures).toEqual([])
    expect(balancer.answered()).toBeGreaterThanOrEqual(REQUESTS)
  })
})
