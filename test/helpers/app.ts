/** The app on a database of its own, in this process, and the calls that most tests begin with. */
import type { FastifyInstance, LightMyRequestResponse } from 'fastify'
import { buildApp } from '../../src/app.ts'
import type { Environment } from '../../src/config/config.ts'
import { testConfig } from './config.ts'
import { cloneDatabase, type TestDatabase } from './database.ts'

export const PASSWORD = 'correct horse battery staple'

export type TestApp = Awaited<ReturnType<typeof createTestApp>>

export type Tokens = { accessToken: string; refreshToken: string; tokenType: string; expiresIn: number }

/** Adds to an app before it is ready: routes that fail, for a test of failures. */
type Extend = (app: FastifyInstance) => void

/** A built app and its database. `close` ends both. `log` are the log lines, at the level of LOG_LEVEL. */
export async function createTestApp(overrides: Environment = {}, extend?: Extend) {
  const database = await cloneDatabase()
  return { ...(await createAppOn(database, overrides, extend)), database }
}

/** An app on a database that exists, for tests with several instances. */
export async function createAppOn(
  database: Pick<TestDatabase, 'url' | 'drop'>,
  overrides: Environment = {},
  extend?: Extend,
) {
  const log: string[] = []
  // The app shares the event loop with its test: what the test, or a busy machine, takes of it is no load of the app's.
  const config = testConfig(database.url, overrides)
  const isAboutOverload = overrides.MAX_EVENT_LOOP_DELAY !== undefined
  const server = isAboutOverload ? config.server : { ...config.server, maxEventLoopDelay: 0 }
  const app = await buildApp({ ...config, server }, { write: line => void log.push(line) })
  extend?.(app)
  await app.ready()
  return {
    app,
    log,
    ...createClient(app),
    async close() {
      await app.close()
      await database.drop()
    },
  }
}

/** The API as functions, over `inject`. */
export function createClient(app: FastifyInstance) {
  return clientOf<LightMyRequestResponse>(({ body, ...request }) =>
    app.inject({ ...request, ...(body !== undefined && { payload: body as object }) }),
  )
}

/** The same of a process of its own, over HTTP. */
export function createHttpClient(origin: string) {
  return clientOf(async ({ method, url, headers, body }) => {
    const answer = await fetch(origin + url, {
      method,
      headers: { ...headers, ...(body !== undefined && { 'content-type': 'application/json' }) },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    const text = await answer.text()
    return { statusCode: answer.status, body: text, json: () => JSON.parse(text) }
  })
}

type Method = 'GET' | 'POST' | 'PUT' | 'DELETE'
type Sent = { method: Method; url: string; headers: Record<string, string>; body: unknown }
type Answer = Pick<LightMyRequestResponse, 'statusCode' | 'body' | 'json'>

function clientOf<A extends Answer>(send: (request: Sent) => Promise<A>) {
  let users = 0

  function call(method: Method, url: string, { token, body, headers }: CallOptions = {}): Promise<A> {
    const authorization = token !== undefined && { authorization: `Bearer ${token}` }
    return send({ method, url, headers: { ...authorization, ...headers }, body })
  }

  const refresh = (refreshToken: string) => call('POST', '/api/v1/auth/refresh', { body: { refreshToken } })

  /** Registers a user and logs in. */
  async function signUp(overrides: { email?: string; password?: string } = {}) {
    users += 1
    const email = overrides.email ?? `user-${users}-${crypto.randomUUID().slice(0, 8)}@example.com`
    const password = overrides.password ?? PASSWORD
    const registered = await call('POST', '/api/v1/auth/register', {
      body: { email, password, displayName: 'Ada Lovelace' },
    })
    expectStatus(registered, 201)
    return { id: registered.json().user.id as string, email, ...(await logIn(email, password)) }
  }

  async function logIn(email: string, password = PASSWORD): Promise<Tokens> {
    const answer = await call('POST', '/api/v1/auth/login', { body: { email, password } })
    expectStatus(answer, 200)
    return answer.json()
  }

  return { call, signUp, logIn, refresh }
}

type CallOptions = { token?: string; body?: unknown; headers?: Record<string, string> }

function expectStatus(answer: Answer, status: number): void {
  if (answer.statusCode !== status)
    throw new Error(`expected ${status}, got ${answer.statusCode}: ${answer.body}`)
}
