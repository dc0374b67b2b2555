/** Sends thousands of hostile requests to every operation, and checks the responses against the OpenAPI document. */
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import fc from 'fast-check'
import type { LightMyRequestResponse } from 'fastify'
import { afterAll, describe, expect, it } from 'vitest'
import type { Problem } from '../src/http/error-handler.ts'
import { createTestApp } from './helpers/app.ts'
import { testConfig } from './helpers/config.ts'
import { fixtureOf } from './helpers/fixtures.ts'
import type { Known } from './helpers/fuzz/known.ts'
import { type FuzzRequest, fuzzRequest } from './helpers/fuzz/request.ts'
import { codesOf, documentOf, type Operation, operationsOf, successOf } from './helpers/openapi.ts'
import { openSessions } from './helpers/sessions.ts'
import { createTokenFactory } from './helpers/tokens.ts'

const REQUESTS = 2000

/** Requests sent at once: enough to keep the database busy, too few to fill the queue of password hashes. */
const BATCH = 20

/** Every run sends the same requests; another seed gives others: `FUZZ_SEED=7 npx vitest run test/fuzz.test.ts`. */
const SEED = Number(process.env.FUZZ_SEED ?? 1)

/** Matches what a problem must not contain: stack frames, file names, SQL. */
const LEAK = /\bat [^"]+:\d+|node_modules|\.ts\b|\b(select|insert|update|delete) .+\b(from|into|set)\b/i

const METRICS_TOKEN = 'a metrics token of the tests'

const service = await createTestApp({ METRICS_TOKEN })
afterAll(service.close)

const document = documentOf(service.app)
const operations = operationsOf(document)
const ajv = addFormats.default(new Ajv2020({ strict: false, allErrors: true }))
const isProblem = ajv.compile<Problem>(document.components.schemas.Problem)
const [owner, victim, other] = [await service.signUp(), await service.signUp(), await service.signUp()]

describe('hostile requests', () => {
  it.each(operations.map(operation => [operation.name, operation] as const))(
    '%s responds with what it documents, and nothing else',
    async (_name, operation) => {
      const judge = createJudge(operation)
      const known = { tokens: await makeTokens(owner.id), values: await makeValues(operation) }
      const batch = fc.array(fuzzRequest(operation, known), {
        minLength: BATCH,
        maxLength: BATCH,
      })
      await fc.assert(
        fc.asyncProperty(batch, async requests => {
          const responses = await Promise.all(requests.map(request => service.app.inject(request)))
          for (const [i, response] of responses.entries()) judge.check(response, requests[i] as FuzzRequest)
        }),
        { seed: SEED, numRuns: Math.ceil(REQUESTS / BATCH), endOnFailure: false },
      )
      expect(judge.count()).toBeGreaterThanOrEqual(REQUESTS)
      expect(judge.share(414), 'share of requests that only hit the length limit of a URL').toBeLessThan(0.1)
      expect(judge.missing(), 'statuses that no request reached').toEqual([])
    },
    60_000,
  )
})

/** Checks the responses of an operation, and counts them by status. */
function createJudge(operation: Operation) {
  const counts = new Map<number, number>()
  const success = successOf(operation)
  const schema = operation.responses[success]?.content?.['application/json']?.schema
  const isDocumented = schema && ajv.compile({ ...schema, components: document.components })

  const count = () => [...counts.values()].reduce((sum, of) => sum + of, 0)

  return {
    check(response: LightMyRequestResponse, request: FuzzRequest): void {
      counts.set(response.statusCode, (counts.get(response.statusCode) ?? 0) + 1)
      const fault = faultOf(response, operation, isDocumented)
      if (fault)
        throw new Error(`${fault}\n${response.statusCode} ${response.body}\n${JSON.stringify(request)}`)
    },
    count,
    share: (status: number) => (counts.get(status) ?? 0) / count(),
    /** Statuses that the operation can send, and that no request reached. */
    missing: () => expectedStatuses(operation).filter(status => !counts.has(status)),
  }
}

function faultOf(
  response: LightMyRequestResponse,
  operation: Operation,
  isDocumented: ValidateFunction | undefined,
) {
  const { statusCode: status, headers, body } = response
  if (status >= 500) return 'a 5xx'
  const documented = operation.responses[status]
  if (!documented) return 'a status that is not documented'
  const [type] = String(headers['content-type'] ?? '').split(';')
  const types = Object.keys(documented.content ?? {})
  if (types.length === 0) return body === '' ? undefined : 'a body where none is documented'
  if (!types.includes(type ?? '')) return `not one of the documented types ${types}`
  if (status < 300)
    return isDocumented && !isDocumented(response.json()) ? ajv.errorsText(isDocumented.errors) : undefined
  const problem: unknown = response.json()
  if (!isProblem(problem)) return ajv.errorsText(isProblem.errors)
  if (problem.status !== status) return 'a problem of another status'
  if (!codesOf(operation, status).includes(problem.code)) return 'a code that is not documented'
  if (problem.requestId !== headers['x-request-id']) return 'a request id other than that of the header'
  if (LEAK.test(JSON.stringify({ ...problem, instance: '', errors: undefined }))) return 'a leak'
}

function expectedStatuses(operation: Operation): number[] {
  const { 'x-guard': guard, parameters = [] } = operation
  const hasBody = operation.requestBody !== undefined
  const hasPath = parameters.some(parameter => parameter.in === 'path')
  return [
    successOf(operation),
    ...(hasBody || parameters.length > 0 ? [400] : []),
    ...(guard.requires === 'nothing' ? [] : [401]),
    ...(guard.requires === 'admin' || (guard.requires === 'owner' && !guard.isHidden) ? [403] : []),
    ...(hasPath && operation.method !== 'PUT' ? [404] : []),
    ...(hasBody ? [413, 415] : []),
  ]
}

/**
 * Returns tokens of users and admins. Some operations end all sessions of the owner when they succeed, so only a few tokens
 * are the owner's: the others still pass the guard.
 */
async function makeTokens(userId: string): Promise<string[]> {
  const tokenFor = createTokenFactory(testConfig(service.database.url))
  const opened = (await openSessions(service.database, userId, 10)).map(({ id }) => id)
  const subjects = [
    ...opened.map((sessionId, i) => ({ userId, sessionId, role: roleOf(i) })),
    ...(await makeBystanders(30)).map(({ id, role }) => ({
      userId: id,
      sessionId: crypto.randomUUID(),
      role,
    })),
  ]
  const tokens = subjects.map(tokenFor)
  return [...(await Promise.all(tokens)), await tokenFor(), METRICS_TOKEN]
}

function roleOf(i: number): 'user' | 'admin' {
  return i % 2 === 0 ? 'user' : 'admin'
}

/** Inserts users and admins without a password. No request names their ids. */
async function makeBystanders(count: number) {
  const { rows } = await service.database.query<{ id: string; role: 'user' | 'admin' }>(
    `insert into users (email, password_hash, display_name, role)
      select gen_random_uuid() || '@example.com', '', 'Bystander', role from unnest($1::text[]) as role
      returning id, role`,
    [Array.from({ length: count }, (_, i) => roleOf(i))],
  )
  return rows
}

/** Returns values that make a request succeed: ids of the owner's objects, refresh tokens and free addresses. */
async function makeValues(operation: Operation): Promise<Known['values']> {
  const sessions = await openSessions(service.database, owner.id, 10)
  const ids = sessions.map(({ id }) => id)
  // Not the owner's first session: a request may have ended it.
  const accessToken = await createTokenFactory(testConfig(service.database.url))({
    userId: owner.id,
    ...(ids[0] !== undefined && { sessionId: ids[0] }),
  })
  const objects = operation.path.includes('{id}')
    ? await Promise.all(ids.map(() => fixtureOf(operation).create(service, { ...owner, accessToken })))
    : ids
  return {
    // About half of the ids exist: a request rarely has everything else that it needs to succeed.
    id: [...objects, victim.id, crypto.randomUUID(), ...ids],
    refreshToken: sessions.map(({ refreshToken }) => refreshToken),
    email: [...ids.map(() => other.email), ...ids.map(id => `${id}@example.com`)],
  }
}
