/** Builds the app in this process on its own database, with a client for the calls that most tests need. */
import type { FastifyInstance, LightMyRequestResponse } from 'fastify'
import { buildApp } from '../../src/app.ts'
import type { Environment } from '../../src/config/config.ts'
import { testConfig } from './config.ts'
import { cloneDatabase, type TestDatabase } from './database.ts'

export const PASSWORD = 'correct horse battery staple'

export type TestApp = Awaited<ReturnType<typeof createTestApp>>

export type Tokens = { accessToken: string; refreshToken: string; tokenType: string; expiresIn: number }

/** Extends an app before it is ready, for example with routes that fail. */
type Extend = (app: FastifyInstance) => void

/** Returns an app on a new database. `close` closes the app and drops the database. `log` has the lines of the log. */
export async function createTestApp(overrides: Environment = {}, extend?: Extend) {
  const database = await cloneDatabase()
  return { ...(await createAppOn(database, overrides, extend)), database }
}

/** Returns an app on an existing database, for tests with several instances. `close` also drops the database. */
export async function createAppOn(
  database: Pick<TestDatabase, 'url' | 'drop'>,
  overrides: Environment = {},
  extend?: Extend,
) {
  const log: string[] = []
  // The app shares the event loop with its test. A delay that the test or a busy machine causes is not an overload.
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

/** Returns a client of the API that uses `inject`. */
export function createClient(app: FastifyInstance) {
  return clientOf<LightMyRequestResponse>(({ body, ...request }) =>
    app.inject({ ...request, ...(body !== undefined && { payload: body as object }) }),
  )
}

/** Returns a client of the API that uses HTTP, for services in other processes. */
export function createHttpClient(origin: string) {
  return clientOf(async ({ method, url, headers, body }) => {
    const response = await fetch(origin + url, {
      method,
      headers: { ...headers, ...(body !== undefined && { 'content-type': 'application/json' }) },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    const text = await response.text()
    return { statusCode: response.status, body: text, json: () => JSON.parse(text) }
  })
}

type Method = 'GET' | 'POST' | 'PUT' | 'DELETE'
type ClientRequest = { method: Method; url: string; headers: Record<string, string>; body: unknown }
type ClientResponse = Pick<LightMyRequestResponse, 'statusCode' | 'body' | 'json'>

function clientOf<R extends ClientResponse>(send: (request: ClientRequest) => Promise<R>) {
  let users = 0

  function call(method: Method, url: string, { token, body, headers }: CallOptions = {}): Promise<R> {
    const authorization = token !== undefined && { authorization: `Bearer ${token}` }
    return send({ method, url, headers: { ...authorization, ...headers }, body })
  }

  const refresh = (refreshToken: string) => call('POST', '/api/v1/auth/refresh', { body: { refreshToken } })

  /** Registers a user and logs in. Returns the user's id, address and tokens. */
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
    const response = await call('POST', '/api/v1/auth/login', { body: { email, password } })
    expectStatus(response, 200)
    return response.json()
  }

  return { call, signUp, logIn, refresh }
}

type CallOptions = { token?: string; body?: unknown; headers?: Record<string, string> }

function expectStatus(response: ClientResponse, status: number): void {
  if (response.statusCode !== status)
    throw new Error(`expected ${status}, got ${response.statusCode}: ${response.body}`)
}
