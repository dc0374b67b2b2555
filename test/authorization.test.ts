/** Proves P9 for every operation of the OpenAPI document: nobody reads or does what is not theirs. */
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

/** Who comes when: whoever may do it comes last, so that the others find what they ask for. */
function callersOf({ 'x-guard': guard }: Operation): Caller[] {
  const everyone: Caller[] = ['anonymous', 'revoked', 'other', 'owner', 'admin']
  return guard.requires === 'admin' ? everyone : [...everyone.filter(caller => caller !== 'owner'), 'owner']
}

/** What each caller brings, and what of the owner's the path may name. */
type Cast = {
  tokens: Record<Caller, string | undefined>
  owner: Owner
  email: string
  refreshToken: string
}

async function createCast(): Promise<Cast> {
  const [owner, other, revoked, admin] = await Promise.all([1, 2, 3, 4].map(() => service.signUp()))
  if (!owner || !other || !revoked || !admin) throw new Error('four users were asked for')
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

/** Returns the status that follows from the guard; `exists`: whether the path names the owner's object, or none. */
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

/** An answer without what names the request: the rest must not tell a refused object from a missing one. */
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
      'answers the caller "%s" as its guard says, and tells nothing more',
      async caller => {
        const token = cast.tokens[caller]
        const hasObject = operation.path.includes('{')
        const [missing, id] = hasObject
          ? [crypto.randomUUID(), await fixtureOf(operation).create(service, cast.owner)]
          : ['', '']
        // A refresh token is good for one use: each caller has one of their own.
        if (operation.operationId === 'refresh')
          cast.refreshToken = (await service.logIn(cast.email)).refreshToken

        const absent = hasObject ? await send(operation, token, missing, cast) : undefined
        const answer = await send(operation, token, id, cast)

        expect(answer.statusCode, answer.body).toBe(expectedStatus(operation, caller, true))
        if (!absent) return
        expect(absent.statusCode, absent.body).toBe(expectedStatus(operation, caller, false))
        if (answer.statusCode >= 400) expect(anonymized(answer, id)).toEqual(anonymized(absent, missing))
      },
    )
  },
)

describe('P9: beyond the guards', () => {
  it('shows a user to others without the address, the role and the changes', async () => {
    const { tokens, owner } = await createCast()
    const view = async (token: string | undefined) =>
      Object.keys((await service.call('GET', `/api/v1/users/${owner.id}`, { token: token ?? '' })).json())
    expect(await view(tokens.other)).toEqual(['id', 'displayName', 'createdAt'])
    const all = ['id', 'displayName', 'createdAt', 'email', 'role', 'updatedAt']
    expect(await view(tokens.owner)).toEqual(all)
    expect(await view(tokens.admin)).toEqual(all)
  })

  it('lists to each caller their own sessions', async () => {
    const { tokens, owner } = await createCast()
    const ids = async (token: string | undefined) =>
      (await service.call('GET', '/api/v1/auth/sessions', { token: token ?? '' }))
        .json()
        .items.map((item: { id: string }) => item.id)
    expect(await ids(tokens.owner)).toContain(sessionOf(owner.accessToken))
    for (const caller of ['other', 'admin'] as const)
      expect(await ids(tokens[caller])).toEqual([sessionOf(tokens[caller] ?? '')])
  })

  it('gives the metrics to the metrics token alone', async () => {
    expect((await service.call('GET', '/metrics', { token: METRICS_TOKEN })).statusCode).toBe(200)
    expect((await service.call('GET', '/metrics', { token: `${METRICS_TOKEN} ` })).statusCode).toBe(401)
  })

  it('refuses a refresh token of a session that has ended, whoever sends it', async () => {
    const { tokens, refreshToken } = await createCast()
    const session = sessionOf((await service.refresh(refreshToken)).json().accessToken)
    await service.call('DELETE', `/api/v1/auth/sessions/${session}`, { token: tokens.owner ?? '' })
    for (const token of Object.values(tokens)) {
      const answer = await service.call('POST', '/api/v1/auth/refresh', {
        body: { refreshToken },
        ...(token && { token }),
      })
      expect(answer.statusCode).toBe(401)
    }
  })

  it('does not let an id in another form pass for another: upper case is the same user', async () => {
    const { tokens, owner } = await createCast()
    const path = `/api/v1/users/${owner.id.toUpperCase()}`
    const body = { displayName: 'Grace', email: `${crypto.randomUUID()}@example.com` }
    expect((await service.call('PUT', path, { token: tokens.other ?? '', body })).statusCode).toBe(403)
    expect((await service.call('PUT', path, { token: tokens.owner ?? '', body })).statusCode).toBe(200)
  })
})
