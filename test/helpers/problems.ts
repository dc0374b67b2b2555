/** Checks that responses with errors are complete RFC 9457 problems. */
import { expect } from 'vitest'
import { SERVICE_ID } from '../../src/config/service-name.ts'
import type { Problem } from '../../src/http/error-handler.ts'
import { createCatalogue } from '../../src/http/errors.ts'
import { modules } from '../../src/modules/index.ts'

/** The catalogue of all errors of the service, its modules included. */
export const catalogue = createCatalogue(modules.map(({ errors }) => errors ?? {}))

/** Matches stack frames, file names and SQL. */
export const LEAK =
  /\bat \S+ ?\(|\bat [^"]+:\d+|node_modules|\.[jt]s\b|\/src\/|\b(select|insert into|update|delete from) .+/i

type ProblemResponse = { status: number; headers: Record<string, unknown>; body: string }

/** Asserts that a response is a complete problem with this status and code and the usual headers. Returns the problem. */
export function expectProblem(
  { status, headers, body }: ProblemResponse,
  expected: { status: number; code: string },
): Problem {
  expect(status, body).toBe(expected.status)
  expect(headers['content-type']).toMatch(/^application\/problem\+json(; charset=utf-8)?$/)
  const problem = JSON.parse(body) as Problem
  const { title } = catalogue.find(expected.code) ?? {}
  expect(problem).toMatchObject({ status, title, code: expected.code })
  expect(problem.type).toBe(`urn:${SERVICE_ID}:problem:${expected.code.toLowerCase().replaceAll('_', '-')}`)
  for (const field of ['detail', 'instance', 'requestId'] as const)
    expect(typeof problem[field], field).toBe('string')
  expect(problem.requestId).toMatch(/^[\w-]{8,64}$/)
  expect(headers['x-request-id']).toBe(problem.requestId)
  expect(headers['cache-control']).toBe('no-store')
  expect(headers['x-content-type-options']).toBe('nosniff')
  expect(headers['content-security-policy']).toContain("default-src 'none'")
  expect(body.replace(problem.instance, '')).not.toMatch(LEAK)
  return problem
}
