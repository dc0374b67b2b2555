/** The security check of SQL injection: in every parameter of every route, and in what is stored and read back. */
import type { HttpResponse } from '../../http.ts'
import { acceptsText, type JsonSchema, textProperties } from '../../json-schema.ts'
import type { ObservedRoute } from '../../observe/observation.ts'
import { needsAdmin, withQuery } from '../../routes.ts'
import { itemsOf } from '../../service/objects.ts'
import { createCaller } from '../../sweep/caller.ts'
import { replaceSegment } from '../../sweep/wrong.ts'
import type { ServiceCheck, ServiceContext } from '../check.ts'
import { watchStatements } from '../statements.ts'

/** Strings that change a statement when they are pasted into it: ends of literals, comments, further statements. */
const COMMON = [
  "' OR '1'='1",
  "'; DROP TABLE users; --",
  '1); SELECT pg_sleep(5); --',
  "' UNION SELECT NULL, version() --",
  '$$; SELECT 1; $$',
  '\\',
]

type Context = Parameters<ServiceCheck['run']>[0] & { texts: readonly string[] }

export const sqlInjection: ServiceCheck = {
  id: 'sql-injection',
  rank: 20,
  claim: 'SQL injection prevention via parameterized queries ({count} parameters)',
  source: 'ASVS 5.0 §1.2.4',
  needs: 'service',
  async run(given) {
    const { expect, internals, routes } = given
    const statements = await watchStatements(internals)
    const context = { ...given, texts: [...COMMON, statements.text] }
    const before = await countTables(internals)
    const parameters = routes.flatMap(parametersOf)
    for (const route of routes) await injectIntoRoute(context, route)
    await storeProfile(context)
    await storeUserAgent(context)
    await changeCursors(context)
    const reached = await statements.find()
    expect.fact(
      'failed statements with a text',
      reached.length > 0 ? 'found' : 'none',
      'none',
      reached.length === 0,
    )
    const isKept = (await countTables(internals)) === before
    expect.fact('tables afterwards', isKept ? 'all' : 'some', 'all', isKept)
    return { count: String(parameters.length) }
  },
}

async function countTables({ query }: ServiceContext['internals']): Promise<number> {
  const { rows } = await query(`select count(*)::int as count from pg_tables where schemaname = 'public'`)
  return rows[0].count
}

/** Stores each string in a text field of the profile and reads it back. */
async function storeProfile({ expect, actors, api, texts }: Context): Promise<void> {
  const route = api.found.updateProfile
  const { properties = {} } = (route?.schemas.body ?? {}) as JsonSchema
  const field = Object.keys(properties).find(name =>
    texts.every(text => acceptsText(properties[name] ?? {}, text)),
  )
  if (!route || field === undefined) return
  const actor = await actors.user()
  for (const text of texts) {
    const profile = await actor.client.call(...api.to('updateProfile', actor.id), {
      sent: `${field} of SQL`,
      body: api.body(route, actor, { [field]: text }),
      token: actor.accessToken,
    })
    expect.response(profile, 'a success, and the text comes back unchanged', profile.json[field] === text)
  }
}

/** The user agent is stored at a login and shown in the list of sessions. */
async function storeUserAgent({ expect, actors, api, http, texts }: Context): Promise<void> {
  if (!api.found.sessions) return
  const actor = await actors.user()
  for (const text of texts) {
    // Each from an address of its own, so that no limit of logins applies.
    const login = await http.client().call(...api.to('login'), {
      sent: 'a login with a user agent of SQL',
      body: api.body(api.route('login'), actor),
      headers: { 'user-agent': text },
    })
    expect.response(login, 'a success', login.status < 300)
    const sessions = await actor.client.call(...api.to('sessions'), {
      sent: 'the sessions after it',
      token: actor.accessToken,
    })
    const isKept = itemsOf(sessions.json).some(item => Object.values(item).includes(text))
    expect.response(sessions, 'a success, and the user agent comes back unchanged', isKept)
  }
}

/** A cursor's content is under the client's control. Puts each string in the place of each text in a real cursor. */
async function changeCursors({ expect, actors, objects, routes, texts }: Context): Promise<void> {
  const lists = routes.filter(({ method, schemas }) => {
    const names = Object.keys((schemas.querystring as JsonSchema | undefined)?.properties ?? {})
    return method === 'GET' && names.includes('cursor') && names.includes('limit')
  })
  for (const list of lists) {
    const actor = needsAdmin(list) ? await actors.admin() : await actors.user()
    for (let count = 0; count < 2; count++) await objects.create(list.url, actor)
    const { sort } = ((list.schemas.querystring as JsonSchema).properties ?? {}) as Record<string, JsonSchema>
    for (const order of ['', ...valuesOf(sort).map(value => `&sort=${value}`)]) {
      const call = { token: actor.accessToken }
      const page = await actor.client.call('GET', `${list.url}?limit=1${order}`, call)
      const parts = decode(String(page.json.nextCursor))
      const changed = parts.flatMap((part, index) =>
        typeof part === 'string' ? texts.map(text => parts.with(index, text)) : [],
      )
      let errors = 0
      for (const content of changed) {
        const cursor = Buffer.from(JSON.stringify(content)).toString('base64url')
        const path = `${list.url}?limit=1${order}&cursor=${cursor}`
        if ((await actor.client.call('GET', path, call)).status >= 500) errors += 1
      }
      // The cursors themselves have ids and instants of this run.
      const what = `server errors from ${changed.length} cursors of SQL in ${list.url}${order.replace('&', '?')}`
      expect.fact(what, String(errors), '0', errors === 0)
    }
  }
}

function valuesOf({ enum: values, anyOf = [], const: value }: JsonSchema = {}): string[] {
  if (values) return values.map(String)
  return [...(value === undefined ? [] : [String(value)]), ...anyOf.flatMap(valuesOf)]
}

function decode(cursor: string): unknown[] {
  try {
    const value: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString())
    return Array.isArray(value) ? value : []
  } catch {
    // Another form of cursor: its content cannot be changed with sense.
    return []
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

/** Sends each string in each parameter of a valid request. */
async function injectIntoRoute(context: Context, route: ObservedRoute): Promise<void> {
  const parameters = parametersOf(route)
  if (parameters.length === 0) return
  const { expect, http, api, actors, objects, internals, texts } = context
  const caller = createCaller(route, { api, actors, objects, metricsToken: internals.metricsToken })
  for (const parameter of parameters) {
    const { name, in: place } = parameter
    const responses: [HttpResponse, boolean][] = []
    for (const text of texts) {
      const { method, path: honest, ...request } = await caller.request()
      const encoded = encodeURIComponent(text)
      const path =
        place === 'path'
          ? replaceSegment(route.url, honest, name, encoded)
          : place === 'query'
            ? withQuery(honest, `${name}=${encoded}`)
            : honest
      const body = place === 'body' && { body: { ...(request.body as object), [name]: text } }
      // Limits count by address.
      const response = await http.client().call(method, path, {
        ...request,
        ...body,
        sent: `SQL as ${name} of the ${place}`,
      })
      caller.used({ method }, response.status)
      responses.push([response, isHarmless(response, parameter, text)])
    }
    const failed = responses.filter(([, met]) => !met)
    for (const [response] of failed) expect.response(response, EXPECTED[place], false)
    const last = responses.at(-1)
    if (last && failed.length === 0) expect.response(last[0], EXPECTED[place], true)
  }
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
  if (place === 'path' || !acceptsText(schema, text) || !Object.values(json).some(Array.isArray)) return false
  return itemsOf(json).every(item => Object.values(item).includes(text))
}
