/** The security check of SQL injection: in every parameter of every route, and in what is stored and read back. */
import type { HttpResponse } from '../../http.ts'
import { acceptsText, exampleOf, type JsonSchema, textProperties } from '../../json-schema.ts'
import type { ObservedRoute } from '../../observe/observation.ts'
import { ABSENT_ID, pathOf } from '../../routes.ts'
import { type Actor, AUTH, USERS } from '../actors.ts'
import type { Expectations, ServiceCheck, ServiceContext } from '../check.ts'
import { createObject, ownedPath } from '../objects.ts'

/** Strings that change a statement when they are pasted into it: ends of literals, comments, further statements. */
const INJECTIONS = [
  "' OR '1'='1",
  "'; DROP TABLE users; --",
  '1); SELECT pg_sleep(5); --',
  "' UNION SELECT NULL, version() --",
  '$$; SELECT 1; $$',
  '\\',
]

type Context = Parameters<ServiceCheck['run']>[0]

export const sqlInjection: ServiceCheck = {
  id: 'sql-injection',
  rank: 20,
  claim: 'SQL injection prevention via parameterized queries ({count} parameters)',
  source: 'ASVS 5.0 §1.2.4',
  needs: 'service',
  async run(context) {
    const { expect, actors, internals, routes } = context
    const [user, admin] = await Promise.all([actors.user(), actors.admin()])
    const before = await countTables(internals)
    const parameters = routes.flatMap(parametersOf)
    for (const parameter of parameters) await injectInto(context, parameter, admin)
    await storeAll(expect, user)
    await listAfterAll(expect, admin)
    const isKept = (await countTables(internals)) === before
    expect.fact('tables afterwards', isKept ? 'all' : 'some', 'all', isKept)
    return { count: String(parameters.length) }
  },
}

async function countTables({ query }: ServiceContext['internals']): Promise<number> {
  const { rows } = await query(`select count(*)::int as count from pg_tables where schemaname = 'public'`)
  return rows[0].count
}

/** Stores each string in text fields and reads it back. */
async function storeAll(expect: Expectations, actor: Actor): Promise<void> {
  const { client, id, email, password, accessToken: token } = actor
  for (const text of INJECTIONS) {
    const profile = await client.call('PUT', `${USERS}/${id}`, {
      sent: 'a display name of SQL',
      body: { displayName: text, email },
      token,
    })
    expect.response(profile, '200, and the text comes back unchanged', profile.json.displayName === text)
    const login = await client.call('POST', `${AUTH}/login`, {
      sent: 'a login with a user agent of SQL',
      body: { email, password },
      headers: { 'user-agent': text },
    })
    expect.status(login, 200)
    const sessions = await client.call('GET', `${AUTH}/sessions`, { sent: 'the sessions after it', token })
    const names = ((sessions.json.items ?? []) as { userAgent?: string }[]).map(({ userAgent }) => userAgent)
    expect.response(sessions, '200, and the user agent comes back unchanged', names.includes(text))
  }
}

/** Asks for the page after each string: the content of a cursor is under the client's control. */
async function listAfterAll(expect: Expectations, { client, accessToken: token }: Actor): Promise<void> {
  for (const text of INJECTIONS) {
    const cursor = Buffer.from(JSON.stringify(['email', text, ABSENT_ID])).toString('base64url')
    const path = `${USERS}?sort=email&cursor=${cursor}`
    expect.status(await client.call('GET', path, { sent: 'a cursor of SQL', token }), 200)
  }
}

type Parameter = { route: ObservedRoute; in: 'path' | 'query' | 'body'; name: string; schema: JsonSchema }

function parametersOf(route: ObservedRoute): Parameter[] {
  const { url, schemas } = route
  const { properties = {} } = (schemas.querystring ?? {}) as JsonSchema
  const inPath = [...url.matchAll(/:(\w+)/g)].map(([, name = '']) => ({ name, schema: {} }))
  const inQuery = Object.entries(properties).map(([name, schema]) => ({ name, schema }))
  const inBody = textProperties(schemas.body).map(name => ({ name, schema: {} }))
  return [
    ...inPath.map(parameter => ({ route, in: 'path' as const, ...parameter })),
    ...inQuery.map(parameter => ({ route, in: 'query' as const, ...parameter })),
    ...inBody.map(parameter => ({ route, in: 'body' as const, ...parameter })),
  ]
}

async function injectInto(context: Context, parameter: Parameter, caller: Actor): Promise<void> {
  const { expect, http, routes } = context
  const { route, name, in: place } = parameter
  const client = http.client()
  const path = place === 'path' ? undefined : await ownedPath(routes, route, caller)
  // An injected condition would find this object.
  if (place === 'query') await createObject(routes, route.url, caller)
  const expected = EXPECTED[place]
  const failed: HttpResponse[] = []
  let last: HttpResponse | undefined
  for (const text of INJECTIONS) {
    const query = place === 'query' ? `?${name}=${encodeURIComponent(text)}` : ''
    const body = place === 'body' && { body: { ...validBody(context, route, caller), [name]: text } }
    const url = `${path ?? pathOf(route, encodeURIComponent(text))}${query}`
    const sent = `SQL as ${name} of the ${place}`
    last = await client.call(route.method, url, { sent, token: caller.accessToken, ...body })
    if (!isHarmless(last, parameter, text)) failed.push(last)
  }
  for (const response of failed) expect.response(response, expected, false)
  if (last && failed.length === 0) expect.response(last, expected, true)
}

/** A body may hold any text. So may a filter, which then finds only items with that text. */
const EXPECTED = {
  path: 'a refusal below 500',
  query: 'a refusal below 500, or only items with the text',
  body: 'no server error',
}

function isHarmless({ status, json }: HttpResponse, { in: place, schema }: Parameter, text: string): boolean {
  if (status >= 500) return false
  if (status >= 300 || place === 'body') return true
  if (place === 'path' || !acceptsText(schema, text) || !Array.isArray(json.items)) return false
  return json.items.every(item => Object.values(item).includes(text))
}

/** The example of the route's schema, with an address and passwords that the service accepts from the caller. */
function validBody({ actors }: Context, { schemas }: ObservedRoute, { password }: Actor) {
  const passwords = { password, currentPassword: password, newPassword: password }
  const valid: Record<string, string> = { ...passwords, email: actors.newEmail(), displayName: 'SQL' }
  const names = textProperties(schemas.body)
  const known = Object.entries(valid).filter(([name]) => names.includes(name))
  return { ...(exampleOf(schemas.body as JsonSchema) as object), ...Object.fromEntries(known) }
}
