/** P9: every kind of caller tries every operation of the OpenAPI document, on its own objects and on others'. */
import type { LightMyRequestResponse } from 'fastify'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { assignRole } from '../src/modules/users/service.ts'
import { createTestApp, PASSWORD } from './helpers/app.ts'
import { fixtureOf, type Owner } from './helpers/fixtures.ts'
import { bodyOf, documentOf, fillPath, type Operation, operationsOf, successOf } from './helpers/openapi.ts'

const METRICS_TOKEN = 'a metrics token of the tests'

const service = await createTestApp({ METRICS_TOKEN })
afterAll(service.close)

const operations = operationsOf(documentOf(service.app))

type Caller = 'anonymous' | 'revoked' | 'other' | 'owner' | 'admin'

/** Returns the callers in order. The one that is allowed comes last, so that the others still find the object. */
function callersOf({ 'x-guard': guard }: Operation): Caller[] {
  const everyone: Caller[] = ['anonymous', 'revoked', 'other', 'owner', 'admin']
  return guard.requires === 'admin' ? everyone : [...everyone.filter(caller => caller !== 'owner'), 'owner']
}

/** The tokens of the callers, and the owner's objects. */
type Cast = {
  tokens: Record<Caller, string | undefined>
  owner: Owner
  email: string
  refreshToken: string
}

async function createCast(): Promise<Cast> {
  const [owner, other, revoked, admin] = await Promise.all([1, 2, 3, 4].map(() => service.signUp()))
  if (!owner || !other || !revoked || !admin) throw new Error('expected four users')
  await assignRole(service.app.database, admin.email, 'admin')
  await service.call('POST', '/api/v1/auth/logout', { token: revoked.accessToken })
  const second = await service.logIn(owner.email)
  return {
    tokens: {
      anonymous: undefined,
      revoked: revoked.accessToken,
      other: other.accessToken,
      owner: owner.accessToken,
      admin: (await service.logIn(admin.email)).accessToken,
    },
    owner,
    email: owner.email,
    refreshToken: second.refreshToken,
  }
}

function sessionOf(token: string): string {
  const [, claims = ''] = token.split('.')
  return JSON.parse(Buffer.from(claims, 'base64url').toString()).sid
}

function send(operation: Operation, token: string | undefined, id: string, cast: Cast) {
  const media = bodyOf(operation)
  const known = { ...(operation.operationId === 'login' && { email: cast.email, password: PASSWORD }) }
  const free = operation.operationId === 'login' ? {} : { email: `${crypto.randomUUID()}@example.com` }
  const example = (media?.example ?? {}) as Record<string, unknown>
  const ours = { refreshToken: cast.refreshToken, ...free, ...known }
  const body = Object.fromEntries(Object.entries({ ...example, ...ours }).filter(([name]) => name in example))
  return service.call(operation.method, fillPath(operation, id), {
    ...(token !== undefined && { token }),
    ...(media && { body }),
  })
}

/** Returns the status that the guard asks for; `exists` is whether the path names an object of the owner. */
function expectedStatus(operation: Operation, caller: Caller, exists: boolean): number {
  const { 'x-guard': guard, path, method } = operation
  const success = successOf(operation)
  if (guard.requires === 'nothing' || guard.requires === 'refreshToken') return success
  if (guard.requires === 'metricsToken' || guard.requires === 'refreshCookie') return 401
  if (caller === 'anonymous' || caller === 'revoked') return 401
  if (guard.requires === 'admin' && caller !== 'admin') return 403
  if (guard.requires === 'owner' && !(caller === 'owner' && exists)) return guard.isHidden ? 404 : 403
  if (!path.includes('{')) return success
  if (!exists) return 404
  const isShared = fixtureOf(operation).sharedBy?.includes(method) === true
  return caller === 'owner' || guard.requires === 'admin' || isShared ? success : 404
}

/** Removes what identifies the request. The rest must be the same for a refused object and a missing one. */
function anonymized({ statusCode, headers, body }: LightMyRequestResponse, id: string) {
  const { 'x-request-id': requestId, traceresponse: _trace, date: _date, ...rest } = headers
  return {
    statusCode,
    headers: rest,
    body: body.replaceAll(id, ':id').replaceAll(String(requestId), ':requestId'),
  }
}

describe.each(operations.map(operation => [operation.name, operation] as const))(
  'P9: %s',
  (_name, operation) => {
    let cast: Cast
    beforeAll(async () => {
      cast = await createCast()
    })

    it.each(callersOf(operation))(
      'responds to the caller "%s" as its guard says, and reveals nothing more',
      async caller => {
        const token = cast.tokens[caller]
        const hasObject = operation.path.includes('{')
        const [missing, id] = hasObject
          ? [crypto.randomUUID(), await fixtureOf(operation).create(service, cast.owner)]
          : ['', '']
        // A refresh token can be used once: each caller gets a new one.
        if (operation.operationId === 'refresh')
          cast.refreshToken = (await service.logIn(cast.email)).refreshToken

        const absent = hasObject ? await send(operation, token, missing, cast) : undefined
        const response = await send(operation, token, id, cast)

        expect(response.statusCode, response.body).toBe(expectedStatus(operation, caller, true))
        if (!absent) return
        expect(absent.statusCode, absent.body).toBe(expectedStatus(operation, caller, false))
        if (response.statusCode >= 400) expect(anonymized(response, id)).toEqual(anonymized(absent, missing))
      },
    )
  },
)

describe('P9: beyond the guards', () => {
  it('shows other users neither the address, nor the role, nor the time of the last change', async () => {
    const { tokens, owner } = await createCast()
    const view = async (token: string | undefined) =>
      Object.keys((await service.call('GET', `/api/v1/users/${owner.id}`, { token: token ?? '' })).json())
    expect(await view(tokens.other)).toEqual(['id', 'displayName', 'createdAt'])
    const all = ['id', 'displayName', 'createdAt', 'email', 'role', 'updatedAt']
    expect(await view(tokens.owner)).toEqual(all)
    expect(await view(tokens.admin)).toEqual(all)
  })

  it('lists to each caller its own sessions only', async () => {
    const { tokens, owner } = await createCast()
    const ids = async (token: string | undefined) =>
      (await service.call('GET', '/api/v1/auth/sessions', { token: token ?? '' }))
        .json()
        .items.map((item: { id: string }) => item.id)
    expect(await ids(tokens.owner)).toContain(sessionOf(owner.accessToken))
    for (const caller of ['other', 'admin'] as const)
      expect(await ids(tokens[caller])).toEqual([sessionOf(tokens[caller] ?? '')])
  })

  it('shows the metrics for the metrics token only', async () => {
    expect((await service.call('GET', '/metrics', { token: METRICS_TOKEN })).statusCode).toBe(200)
    expect((await service.call('GET', '/metrics', { token: `${METRICS_TOKEN} ` })).statusCode).toBe(401)
  })

  it('refuses a refresh token of an ended session from every caller', async () => {
    const { tokens, refreshToken } = await createCast()
    const session = sessionOf((await service.refresh(refreshToken)).json().accessToken)
    await service.call('DELETE', `/api/v1/auth/sessions/${session}`, { token: tokens.owner ?? '' })
    for (const token of Object.values(tokens)) {
      const response = await service.call('POST', '/api/v1/auth/refresh', {
        body: { refreshToken },
        ...(token && { token }),
      })
      expect(response.statusCode).toBe(401)
    }
  })

  it('takes an id in upper case for the same user', async () => {
    const { tokens, owner } = await createCast()
    const path = `/api/v1/users/${owner.id.toUpperCase()}`
    const body = { displayName: 'Grace', email: `${crypto.randomUUID()}@example.com` }
    expect((await service.call('PUT', path, { token: tokens.other ?? '', body })).statusCode).toBe(403)
    expect((await service.call('PUT', path, { token: tokens.owner ?? '', body })).statusCode).toBe(200)
  })
})
