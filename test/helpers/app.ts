/** The app on a database of its own, in this process, and the calls that most tests begin with. */
import type { FastifyInstance, InjectOptions, LightMyRequestResponse } from 'fastify'
import { buildApp } from '../../src/app.ts'
import type { Environment } from '../../src/config.ts'
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
  const app = await buildApp(testConfig(database.url, overrides), { write: line => void log.push(line) })
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
  let users = 0

  function call(
    method: 'GET' | 'POST' | 'PUT' | 'DELETE',
    url: string,
    { token, body, headers }: CallOptions = {},
  ) {
    const options: InjectOptions = {
      method,
      url,
      headers: { ...(token !== undefined && { authorization: `Bearer ${token}` }), ...headers },
      ...(body !== undefined && { payload: body as object }),
    }
    return app.inject(options)
  }

  /** Registers a user and logs in. */
  async function signUp(overrides: { email?: string } = {}) {
    users += 1
    const email = overrides.email ?? `user-${users}-${crypto.randomUUID().slice(0, 8)}@example.com`
    const registered = await call('POST', '/api/v1/auth/register', {
      body: { email, password: PASSWORD, displayName: 'Ada Lovelace' },
    })
    expectStatus(registered, 201)
    return { id: registered.json().user.id as string, email, ...(await logIn(email)) }
  }

  async function logIn(email: string, password = PASSWORD): Promise<Tokens> {
    const answer = await call('POST', '/api/v1/auth/login', { body: { email, password } })
    expectStatus(answer, 200)
    return answer.json()
  }

  return { call, signUp, logIn }
}

type CallOptions = { token?: string; body?: unknown; headers?: Record<string, string> }

function expectStatus(answer: LightMyRequestResponse, status: number): void {
  if (answer.statusCode !== status)
    throw new Error(`expected ${status}, got ${answer.statusCode}: ${answer.body}`)
}
