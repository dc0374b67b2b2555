/** A load balancer for tests: it checks readiness, and sends traffic to the instances that are ready. */
import { setTimeout as sleep } from 'node:timers/promises'
import { Pool } from 'undici'

const POLL_MS = 50
const CONNECTIONS = 12

/** Between a response and the next request of its client: the load is steady, and not all that the machine can do. */
const THINK_MS = 5

type Backend = { origin: string; pool: Pool; isReady: boolean }

export type Balanced = { path: string; method: 'GET' | 'PUT'; headers: Record<string, string>; body?: string }

/**
 * Sends `next()` round robin over keep-alive connections to the backends that are ready, from `clients` clients at once,
 * without retries, until `end`.
 */
export function startLoadBalancer(clients: number, next: () => Balanced) {
  const backends = new Map<string, Backend>()
  const failures: string[] = []
  let answered = 0
  let turn = 0
  let isOver = false

  async function watch(backend: Backend): Promise<void> {
    // A connection of its own: a probe must not wait behind the traffic.
    const probe = new Pool(backend.origin, { connections: 1 })
    while (!isOver && backends.get(backend.origin) === backend) {
      backend.isReady = await probe.request({ path: '/health/ready', method: 'GET' }).then(
        async ({ statusCode, body }) => {
          await body.dump()
          return statusCode === 200
        },
        () => false,
      )
      await sleep(POLL_MS)
    }
    await probe.destroy()
  }

  async function send(): Promise<void> {
    const ready = [...backends.values()].filter(({ isReady }) => isReady)
    const backend = ready[turn++ % ready.length]
    if (!backend) return void failures.push('no backend is ready')
    const request = next()
    try {
      const { statusCode, body } = await backend.pool.request(request)
      const text = await body.text()
      if (statusCode === 200) answered += 1
      else failures.push(`${request.method} ${backend.origin}${request.path}: ${statusCode} ${text}`)
    } catch (error) {
      failures.push(`${request.method} ${backend.origin}${request.path}: ${error}`)
    }
  }

  async function runClient(): Promise<void> {
    while (!isOver) {
      await send()
      // Failures must not repeat without a pause.
      await sleep(failures.length > 0 ? POLL_MS : THINK_MS)
    }
  }

  const watching: Promise<void>[] = []
  let running: Promise<void>[] = []

  return {
    failures,
    answered: (): number => answered,
    isReady: (origin: string): boolean => backends.get(origin)?.isReady === true,
    /** Adds a backend, which gets traffic when it is ready. */
    add(origin: string): void {
      const backend = { origin, pool: new Pool(origin, { connections: CONNECTIONS }), isReady: false }
      backends.set(origin, backend)
      watching.push(watch(backend))
    },
    start(): void {
      running = Array.from({ length: clients }, runClient)
    },
    async end(): Promise<void> {
      isOver = true
      await Promise.all([...running, ...watching])
      await Promise.all([...backends.values()].map(({ pool }) => pool.destroy()))
    },
  }
}
