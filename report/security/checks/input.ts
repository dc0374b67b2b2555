/** Security checks of request bodies: invalid ones are refused, without a server error. */
import { NotVerified } from '../../errors.ts'
import { textProperties } from '../../json-schema.ts'
import type { ObservedRoute } from '../../observe/observation.ts'
import { hasBody, needsAdmin, needsOwner, pathOf, publicPost } from '../../routes.ts'
import { type Actor, AUTH } from '../actors.ts'
import type { CheckContext, HttpCheck, ServiceCheck, ServiceContext } from '../check.ts'
import { ownedPath } from '../objects.ts'

export const inputValidation: HttpCheck = {
  id: 'input-validation',
  rank: 10,
  claim: 'Input validation with JSON Schema on every route that takes a body ({count} routes)',
  source: 'ASVS 5.0 §2.2.1',
  needs: 'http',
  async run(context) {
    const { expect, http } = context
    const routes = context.routes.filter(
      ({ method, schemas }) => hasBody(method) && schemas.body !== undefined,
    )
    const callers = await callersOf(context)
    let count = 0
    for (const route of routes) {
      const caller = needsAdmin(route) ? callers?.admin : callers?.user
      const path =
        caller && needsOwner(route) ? await ownedPath(context.routes, route, caller) : pathOf(route)
      const credentials = caller && { token: caller.accessToken }
      for (const [sent, body] of [
        ['a list', []],
        ['a wrong type in every field', wrongTypes(route)],
      ] as const) {
        const response = await http.client().call(route.method, path, { sent, body, ...credentials })
        if ([401, 403].includes(response.status) && !caller) continue
        expect.status(response, 400, 415, 422)
        count += 1
      }
    }
    if (count === 0) throw new NotVerified('no route with a schema for its body can be reached')
    return { count: String(routes.length) }
  },
}

type Callers = { user: Actor; admin: Actor }

async function callersOf(context: CheckContext | ServiceContext): Promise<Callers | undefined> {
  if (!('actors' in context)) return undefined
  const [user, admin] = await Promise.all([context.actors.user(), context.actors.admin()])
  return { user, admin }
}

function wrongTypes({ schemas }: ObservedRoute): Record<string, unknown> {
  const names = textProperties(schemas.body)
  return Object.fromEntries((names.length > 0 ? names : ['text']).map(name => [name, { nested: true }]))
}

export const strictBodies: ServiceCheck = {
  id: 'strict-bodies',
  rank: 290,
  claim: 'Unknown fields, coerced types and foreign content types refused',
  source: 'ASVS 5.0 §2.2.1, §4.1.5',
  needs: 'service',
  async run({ expect, actors, http }) {
    const { email, password } = await actors.user()
    const client = http.client()
    const login = (sent: string, body: unknown, headers?: Record<string, string>) =>
      client.call('POST', `${AUTH}/login`, { sent, body, ...(headers && { headers }) })
    expect.status(await login('an unknown field', { email, password, remember: true }), 400)
    expect.status(await login('a list in place of text', { email: [email], password }), 400)
    expect.status(await login('null in place of text', { email, password: null }), 400)
    const form = { 'content-type': 'application/x-www-form-urlencoded' }
    expect.status(await login('a form', `email=${email}&password=x`, form), 415)
    const text = { 'content-type': 'text/plain' }
    expect.status(await login('JSON as text/plain', JSON.stringify({ email, password }), text), 415)
  },
}

export const malformedText: HttpCheck = {
  id: 'malformed-input',
  rank: 300,
  claim: 'Malformed JSON, bad UTF-8, deep nesting and __proto__ refused without a server error',
  source: 'ASVS 5.0 §1.5.3, §15.3.6, CWE-674',
  needs: 'http',
  async run({ expect, http, routes }) {
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
      expect.status(await client.call('POST', pathOf(route), { sent, body }), 400, 422)
    }
  },
}
