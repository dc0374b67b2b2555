/** The frameworks' servers do what the service does: one contract, asked of each over HTTP, and of the service itself. */
import { execFile } from 'node:child_process'
import { createPrivateKey, createPublicKey, type KeyObject, randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { hash } from '@node-rs/argon2'
import { calculateJwkThumbprint, exportJWK, SignJWT } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createSigningKey } from '../../../harness/signing-key.ts'
import { SERVICE_NAME } from '../../../src/config/service-name.ts'
import { ARGON2ID } from '../../../src/modules/accounts/passwords.ts'
import { cloneDatabase, type TestDatabase } from '../../../test/helpers/database.ts'
import { type Collector, KIND, startCollector } from '../../../test/helpers/otlp-collector.ts'
import { ROOT, startService } from '../../../test/helpers/service.ts'
import { until } from '../../../test/helpers/until.ts'
import { BARE, installFrameworks, listFrameworks, startFramework } from '../servers.ts'

/** More than the other tests ask of one subject, and soon reached by the one that is about it. */
const RATE_LIMIT_MAX = 60

const SERVICE = 'the service'
const PASSWORD = 'correct horse battery staple'
const METRICS_TOKEN = 'a token for the metrics'
const { privateKey, publicKey } = createSigningKey()

type User = { id: string; email: string; displayName: string; role: string }
type Subject = { origin: string; log: string[]; stop: () => Promise<void> }

const user = (email: string, displayName: string, role: string): User => ({
  id: crypto.randomUUID(),
  email,
  displayName,
  role,
})
const owner = user('Owner@example.com', 'An owner', 'user')
const other = user('other@example.com', 'Another', 'user')
const admin = user('admin@example.com', 'An admin', 'admin')
const CREATED_AT = '2026-01-02T03:04:05.678Z'
const UPDATED_AT = '2026-02-03T04:05:06.789Z'

const frameworks = (await listFrameworks()).filter(name => name !== BARE)
const subjects = new Map<string, Subject>()
let database: TestDatabase
let collector: Collector

beforeAll(async () => {
  await installFrameworks(() => {}, AbortSignal.timeout(240_000))
  database = await cloneDatabase()
  collector = await startCollector()
  const passwordHash = await hash(PASSWORD, ARGON2ID)
  for (const { id, email, displayName, role } of [owner, other, admin]) {
    await database.query(
      `insert into users (id, email, password_hash, display_name, role, created_at, updated_at)
       values ($1, $2, $3, $4, $5, $6, $7)`,
      [id, email, passwordHash, displayName, role, CREATED_AT, UPDATED_AT],
    )
  }
  const environment = {
    NODE_ENV: 'production',
    DATABASE_URL: database.url,
    JWT_PRIVATE_KEY: privateKey,
    RATE_LIMIT_MAX: String(RATE_LIMIT_MAX),
    RATE_LIMIT_WINDOW: '10m',
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    OTEL_BSP_SCHEDULE_DELAY: '100',
  }
  const starts = [BARE, ...frameworks].map(async name => {
    const log: string[] = []
    const { signal } = new AbortController()
    const started = await startFramework(name, environment, signal, line => log.push(line))
    subjects.set(name, { ...started, log })
  })
  const { origin, log, stop } = await startService(database.url, { ...environment, METRICS_TOKEN })
  subjects.set(SERVICE, { origin, log, stop })
  await Promise.all(starts)
}, 300_000)

afterAll(async () => {
  await Promise.all([...subjects.values()].map(({ stop }) => stop()))
  await collector?.close()
  await database?.drop()
})

type Signing = { key?: KeyObject | Uint8Array; algorithm?: string; expiresIn?: number; audience?: string }

/** A token as the service makes them, unless a test asks for an unacceptable one. */
async function tokenOf({ id, role }: User, signing: Signing = {}): Promise<string> {
  const { key = createPrivateKey(privateKey), algorithm = 'RS256', expiresIn = 600 } = signing
  const { audience = `${SERVICE_NAME}-api` } = signing
  const kid = await calculateJwkThumbprint(await exportJWK(createPublicKey(privateKey)))
  const now = Math.floor(Date.now() / 1000)
  return new SignJWT({ sid: crypto.randomUUID(), role })
    .setProtectedHeader({ alg: algorithm, typ: 'at+jwt', kid })
    .setIssuer(SERVICE_NAME)
    .setAudience(audience)
    .setSubject(id)
    .setJti(crypto.randomUUID())
    .setIssuedAt(now - 60)
    .setExpirationTime(now + expiresIn)
    .sign(key)
}

function subjectOf(name: string): Subject {
  const subject = subjects.get(name)
  if (!subject) throw new Error(`${name} was not started`)
  return subject
}

function getUser(name: string, id: string, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(`${subjectOf(name).origin}/api/v1/users/${id}`, { headers })
}

async function getUserAs(name: string, id: string, caller: User): Promise<Response> {
  return getUser(name, id, { authorization: `Bearer ${await tokenOf(caller)}` })
}

function logIn(name: string, body: unknown): Promise<Response> {
  return fetch(`${subjectOf(name).origin}/api/v1/auth/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })
}

/** The lines of the request whose path has `id` in it. Fastify writes two, and the second has only the request's own id. */
function linesOf(log: readonly string[], id: string): string[] {
  const first = log.find(line => line.includes(id))
  const requestId = /"reqId":"[^"]+"/.exec(first ?? '')?.[0]
  return log.filter(line => line.includes(requestId ?? id))
}

const publicView = ({ id, displayName }: User) => ({ id, displayName, createdAt: CREATED_AT })
const ownView = (viewed: User) => ({ ...viewed, createdAt: CREATED_AT, updatedAt: UPDATED_AT })
const credentials = { email: owner.email, password: PASSWORD }
const tokens = {
  accessToken: expect.stringMatching(/^[\w-]+\.[\w-]+\.[\w-]+$/),
  refreshToken: expect.stringMatching(/^[\w-]{43}$/),
  tokenType: 'Bearer',
  expiresIn: 900,
}

describe.each([...frameworks, SERVICE])('%s', name => {
  it('shows a user whole to the user and to admins, and the public part to others', async () => {
    for (const [caller, body] of [
      [owner, ownView(owner)],
      [admin, ownView(owner)],
      [other, publicView(owner)],
    ] as const) {
      const response = await getUserAs(name, owner.id, caller)
      expect(response.status).toBe(200)
      expect(await response.json()).toEqual(body)
    }
  })

  it('refuses a request without a token, and tokens that are forged, expired or for another audience', async () => {
    const forged = await Promise.all([
      tokenOf(owner, { key: createPrivateKey(createSigningKey().privateKey) }),
      tokenOf(owner, { key: new TextEncoder().encode(publicKey), algorithm: 'HS256' }),
      tokenOf(owner, { expiresIn: -30 }),
      tokenOf(owner, { audience: 'another-api' }),
    ])
    const statuses = await Promise.all([
      getUser(name, owner.id),
      ...forged.map(token => getUser(name, owner.id, { authorization: `Bearer ${token}` })),
    ])
    expect(statuses.map(({ status }) => status)).toEqual([401, 401, 401, 401, 401])
  })

  it('returns 404 for an unknown id and 400 for an invalid one', async () => {
    expect((await getUserAs(name, crypto.randomUUID(), owner)).status).toBe(404)
    for (const id of ['1', `urn:uuid:${owner.id}`, "'--"]) {
      expect((await getUserAs(name, encodeURIComponent(id), owner)).status).toBe(400)
    }
  })

  it('gives tokens for the right password, in any case of the address, and takes them', async () => {
    const response = await logIn(name, { ...credentials, email: owner.email.toUpperCase() })
    expect(response.status).toBe(200)
    const body = (await response.json()) as { accessToken: string; refreshToken: string }
    expect(body).toEqual(tokens)
    const own = await getUser(name, owner.id, { authorization: `Bearer ${body.accessToken}` })
    expect(await own.json()).toEqual(ownView(owner))
    const { rows } = await database.query(
      `select user_id from sessions join refresh_tokens on session_id = id
       where token_hash = sha256(convert_to($1, 'UTF8'))`,
      [body.refreshToken],
    )
    expect(rows).toEqual([{ user_id: owner.id }])
  })

  it('refuses a wrong password and an unknown account in the same way', async () => {
    for (const wrong of [{ password: 'not the password' }, { email: 'unknown@example.com' }]) {
      const response = await logIn(name, { ...credentials, ...wrong })
      expect(response.status).toBe(401)
      expect(await response.text()).not.toContain('accessToken')
    }
  })

  it('returns 400 for a body that is not a login', async () => {
    const bodies = ['{', {}, { ...credentials, email: 'no address' }, { ...credentials, password: '' }]
    const responses = await Promise.all(bodies.map(body => logIn(name, body)))
    expect(responses.map(({ status }) => status)).toEqual([400, 400, 400, 400])
  })

  it('sends the security headers, and does not say what it is made with', async () => {
    const { headers } = await getUserAs(name, owner.id, owner)
    expect(headers.get('x-content-type-options')).toBe('nosniff')
    expect(headers.get('strict-transport-security')).toMatch(/max-age=\d{8}/)
    expect(headers.get('x-frame-options')).toMatch(/^(SAMEORIGIN|DENY)$/)
    expect(headers.get('x-powered-by')).toBeNull()
  })

  it('counts requests by route in a histogram', async () => {
    const headers = { authorization: `Bearer ${METRICS_TOKEN}` }
    const text = await (await fetch(`${subjectOf(name).origin}/metrics`, { headers })).text()
    const counts = text.split('\n').filter(line => line.startsWith('http_request_duration_seconds_count'))
    const labels = ['method="GET"', 'route="/api/v1/users/:id"', 'status="200"']
    const counted = counts.filter(line => labels.every(label => line.includes(label)))
    expect(counted).toHaveLength(1)
    expect(Number(counted[0]?.split(' ').at(-1))).toBeGreaterThanOrEqual(4)
    expect(counts.filter(line => line.includes(owner.id))).toEqual([])
  })

  it('logs each request as JSON, without its token', async () => {
    const { log } = subjectOf(name)
    const id = crypto.randomUUID()
    const token = await tokenOf(owner)
    await getUser(name, id, { authorization: `Bearer ${token}` })
    const ofRequest = () => linesOf(log, id).join('\n')
    await until('lines of the request', () => /"status(Code)?":404/.test(ofRequest()))
    expect(log.filter(line => line.includes(id))).toHaveLength(1)
    expect(log.join('\n')).not.toContain(token)
  })

  it('traces the request and its query where the caller says so, and not where it says no', async () => {
    const [traced, untraced] = [randomBytes(16), randomBytes(16)].map(bytes => bytes.toString('hex'))
    const parent = randomBytes(8).toString('hex')
    const authorization = `Bearer ${await tokenOf(owner)}`
    await getUser(name, owner.id, { authorization, traceparent: `00-${untraced}-${parent}-00` })
    await getUser(name, owner.id, { authorization, traceparent: `00-${traced}-${parent}-01` })
    const spans = () => collector.spans().filter(({ traceId }) => traceId === traced)
    await until('spans of the server and of its query', () =>
      [KIND.server, KIND.client].every(kind => spans().some(span => span.kind === kind)),
    )
    expect(spans().find(({ kind }) => kind === KIND.server)?.parentSpanId).toBe(parent)
    // The framework is traced too: something knows the route, or the controller's method.
    const names = spans().map(span => span.name)
    expect(names.filter(name => /users\/:id|UsersController/.test(name))).not.toEqual([])
    expect(collector.spans().filter(({ traceId }) => traceId === untraced)).toEqual([])
  })

  it('returns 429 to a client above its limit', async () => {
    const statuses: number[] = []
    while (!statuses.includes(429) && statuses.length <= RATE_LIMIT_MAX) {
      statuses.push((await getUserAs(name, owner.id, owner)).status)
    }
    expect(statuses.at(-1)).toBe(429)
    expect(new Set(statuses.slice(0, -1))).toEqual(new Set([200]))
  })
})

describe('the package of the frameworks', () => {
  it("type-checks, which the repository's own check leaves out: its packages may not be there", async () => {
    const tsc = join(ROOT, 'node_modules/typescript/bin/tsc')
    const { stdout } = await promisify(execFile)(process.execPath, [tsc, '-p', 'bench/frameworks/servers'], {
      cwd: ROOT,
    })
    expect(stdout).toBe('')
  })
})

describe(BARE, () => {
  it('does the same lookup, and the same hash', async () => {
    const found = await getUser(BARE, owner.id)
    expect([found.status, await found.json()]).toEqual([200, publicView(owner)])
    const loggedIn = await logIn(BARE, credentials)
    expect(loggedIn.status).toBe(200)
    expect(await loggedIn.json()).toEqual({ ...tokens, accessToken: expect.any(String) })
    expect((await logIn(BARE, { ...credentials, password: 'not the password' })).status).toBe(401)
  })
})
