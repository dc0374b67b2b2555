/** Probes of input: what does not fit is refused, what fits stays as it is, and no error says too much. */
import type { Answer, Client } from '../../http.ts'
import type { ObservedRoute } from '../../observe/observation.ts'
import { type Actor, AUTH, USERS } from '../actors.ts'
import {
  type AnyProbe,
  type Checks,
  NotVerified,
  type ProbeContext,
  type ServiceContext,
  type ServiceProbe,
} from '../probe.ts'
import { ABSENT, hasBody, pathOf, publicPost, textProperties } from '../routes.ts'

export const inputValidation: AnyProbe = {
  id: 'input-validation',
  claim: 'Input validation with JSON Schema on every route that takes a body ({count} routes)',
  source: 'ASVS 5.0 §2.2.1',
  needs: 'http',
  async probe(context) {
    const { checks } = context
    const routes = context.routes.filter(
      ({ method, schemas }) => hasBody(method) && schemas.body !== undefined,
    )
    const token = await tokenOf(context)
    let count = 0
    for (const route of routes) {
      for (const [sent, body] of [
        ['a list', []],
        ['a wrong type in every field', wrongTypes(route)],
      ] as const) {
        const answer = await callAs(context, route, token, { sent, body })
        if ([401, 403].includes(answer.status) && token === undefined) continue
        checks.status(answer, 400, 415, 422)
        count += 1
      }
    }
    if (count === 0) throw new NotVerified('no route with a schema for its body can be reached')
    return { count: String(routes.length) }
  },
}

async function tokenOf(context: ProbeContext | ServiceContext): Promise<string | undefined> {
  return 'actors' in context ? (await context.actors.user()).accessToken : undefined
}

function callAs(
  { http }: ProbeContext,
  route: ObservedRoute,
  token: string | undefined,
  options: { sent: string; body: unknown },
): Promise<Answer> {
  const own = token === undefined ? '' : ownId(token)
  const needsOwn = route.guard?.includes('Owner') === true
  const path = needsOwn ? pathOf(route, own) : pathOf(route)
  return http.client().call(route.method, path, { ...options, ...(token !== undefined && { token }) })
}

function ownId(token: string): string {
  const claims: { sub: string } = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString())
  return claims.sub
}

function wrongTypes(route: ObservedRoute): Record<string, unknown> {
  const names = textProperties(route.schemas.body)
  return Object.fromEntries((names.length > 0 ? names : ['text']).map(name => [name, { nested: true }]))
}

export const strictBodies: ServiceProbe = {
  id: 'strict-bodies',
  claim: 'Unknown fields, coerced types and foreign content types refused',
  source: 'ASVS 5.0 §2.2.1, §4.1.5',
  needs: 'service',
  async probe({ checks, actors, http }) {
    const { email, password } = await actors.user()
    const client = http.client()
    const login = (sent: string, body: unknown, headers?: Record<string, string>) =>
      client.call('POST', `${AUTH}/login`, { sent, body, ...(headers && { headers }) })
    checks.status(await login('an unknown field', { email, password, remember: true }), 400)
    checks.status(await login('a list in place of text', { email: [email], password }), 400)
    checks.status(await login('null in place of text', { email, password: null }), 400)
    const form = { 'content-type': 'application/x-www-form-urlencoded' }
    checks.status(await login('a form', `email=${email}&password=x`, form), 415)
    const text = { 'content-type': 'text/plain' }
    checks.status(await login('JSON as text/plain', JSON.stringify({ email, password }), text), 415)
  },
}

/** Strings that change a statement which they are pasted into: ends of literals, comments, second statements. */
const INJECTIONS = [
  "' OR '1'='1",
  "'; DROP TABLE users; --",
  '1); SELECT pg_sleep(5); --',
  "' UNION SELECT NULL, version() --",
  '$$; SELECT 1; $$',
  '\\',
]

export const sqlInjection: ServiceProbe = {
  id: 'sql-injection',
  claim: 'SQL injection prevention via parameterized queries ({count} parameters)',
  source: 'ASVS 5.0 §1.2.4',
  needs: 'service',
  async probe(context) {
    const { checks } = context
    const { actors, internals } = context
    const [user, admin] = await Promise.all([actors.user(), actors.admin()])
    const tables = () =>
      internals.query(`select count(*)::int as count from pg_tables where schemaname = 'public'`)
    const before = (await tables()).rows[0].count
    let count = 0
    for (const route of context.routes) {
      for (const parameter of parametersOf(route)) {
        count += 1
        await injectInto(checks, context.http.client(), route, parameter, {
          ...admin,
          newEmail: actors.newEmail,
        })
      }
    }
    await storeAll(checks, user)
    await pageBehindAll(checks, admin)
    const after = (await tables()).rows[0].count
    checks.fact('tables afterwards', after === before ? 'all' : 'some', 'all', after === before)
    return { count: String(count) }
  },
}

/** Stores each string where a statement takes it, and reads it back. */
async function storeAll(
  checks: Checks,
  { client, id, email, password, accessToken: token }: Actor,
): Promise<void> {
  for (const text of INJECTIONS) {
    const body = { displayName: text, email }
    const answer = await client.call('PUT', `${USERS}/${id}`, { sent: 'a display name of SQL', body, token })
    checks.answer(answer, '200, and the text comes back as it was', answer.json.displayName === text)
    const headers = { 'user-agent': text }
    const login = { sent: 'a login from a browser of SQL', body: { email, password }, headers }
    checks.status(await client.call('POST', `${AUTH}/login`, login), 200)
    const sessions = await client.call('GET', `${AUTH}/sessions`, { sent: 'the sessions after it', token })
    const names = ((sessions.json.items ?? []) as { userAgent?: string }[]).map(({ userAgent }) => userAgent)
    checks.answer(sessions, '200, and the browser is named as it was', names.includes(text))
  }
}

/** Asks for the page behind each string: what a cursor holds is the client's own text. */
async function pageBehindAll(checks: Checks, { client, accessToken: token }: Actor): Promise<void> {
  for (const text of INJECTIONS) {
    const cursor = Buffer.from(JSON.stringify(['email', text, ABSENT])).toString('base64url')
    const path = `${USERS}?sort=email&cursor=${cursor}`
    checks.status(await client.call('GET', path, { sent: 'a cursor of SQL', token }), 200)
  }
}

type Parameter = { in: 'path' | 'query' | 'body'; name: string }

function parametersOf({ url, schemas }: ObservedRoute): Parameter[] {
  return [
    ...[...url.matchAll(/:(\w+)/g)].map(([, name = '']) => ({ in: 'path' as const, name })),
    ...Object.keys((schemas.querystring as { properties?: object })?.properties ?? {}).map(name => ({
      ...{ in: 'query' as const, name },
    })),
    ...textProperties(schemas.body).map(name => ({ in: 'body' as const, name })),
  ]
}

async function injectInto(
  checks: Checks,
  client: Client,
  route: ObservedRoute,
  parameter: Parameter,
  { accessToken: token, id, password, newEmail }: Actor & { newEmail: () => string },
): Promise<void> {
  const problems: Answer[] = []
  let last: Answer | undefined
  for (const text of INJECTIONS) {
    const fill = parameter.in === 'path' ? encodeURIComponent(text) : id
    const query = parameter.in === 'query' ? `?${parameter.name}=${encodeURIComponent(text)}` : ''
    const passwords = { password, currentPassword: password, newPassword: password }
    const valid = { ...passwords, email: newEmail(), displayName: 'SQL' }
    const body = parameter.in === 'body' ? { ...pick(valid, route), [parameter.name]: text } : undefined
    const sent = `SQL as ${parameter.name} of the ${parameter.in}`
    last = await client.call(route.method, `${pathOf(route, fill)}${query}`, {
      ...{ sent, token },
      ...(body && { body }),
    })
    if (last.status >= 500 || (last.status < 300 && parameter.in !== 'body')) problems.push(last)
  }
  // A text in a body may well be accepted, as text.
  const expected = parameter.in === 'body' ? 'no server error' : 'a refusal below 500'
  for (const problem of problems) checks.answer(problem, expected, false)
  if (last && problems.length === 0) checks.answer(last, expected, true)
}

function pick(values: Record<string, string>, { schemas }: ObservedRoute): Record<string, string> {
  const names = textProperties(schemas.body)
  return Object.fromEntries(Object.entries(values).filter(([name]) => names.includes(name)))
}

export const malformedText: AnyProbe = {
  id: 'malformed-input',
  claim: 'Malformed JSON, bad UTF-8, deep nesting and __proto__ refused without a server error',
  source: 'ASVS 5.0 §1.5.3, §15.3.6, CWE-674',
  needs: 'http',
  async probe({ checks, http, routes }) {
    const route = publicPost(routes)
    const client = http.client()
    const bodies: Record<string, string | Buffer> = {
      'broken JSON': '{"email":',
      'bytes that are not UTF-8': Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d]),
      '5,000 levels of nesting': `${'['.repeat(5000)}${']'.repeat(5000)}`,
      'a __proto__ key': '{"__proto__":{"role":"admin"}}',
      'a NUL in text': '{"email":"a\\u0000b","password":"a\\u0000b"}',
      'a number past 2^53': '{"email":9007199254740993}',
    }
    for (const [sent, body] of Object.entries(bodies)) {
      checks.status(await client.call('POST', pathOf(route), { sent, body }), 400, 422)
    }
  },
}
