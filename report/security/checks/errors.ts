/** Security checks of error responses: one form, and no internals. */
import { NotVerified } from '../../errors.ts'
import type { HttpResponse } from '../../http.ts'
import { hasBody, pathOf, publicRead } from '../../routes.ts'
import { AUTH, USERS } from '../actors.ts'
import type { HttpCheck, ServiceCheck } from '../check.ts'
import { UNKNOWN_PATH } from '../exhaust.ts'

/** A stack frame, a path of the file system, a package's folder, a statement, an internal class name. */
const LEAKS =
  /\bat [\w.<>]+ \(|\bat (async )?(file:|\/)|node_modules|file:\/\/|\/(home|root|usr|work|tmp|var|app)\/|\b(select|insert into|update|delete) .+ (from|set|values)\b|"stack"|\bDrizzle|\bpg_/i

export const noLeak: HttpCheck = {
  id: 'error-leaks',
  rank: 390,
  claim: 'No stack, SQL or path in errors',
  source: 'ASVS 5.0 §16.5.1, OWASP API8:2023',
  needs: 'http',
  async run({ expect, http, routes }) {
    const client = http.client()
    const responses: HttpResponse[] = [await client.call('GET', UNKNOWN_PATH, { sent: 'an unknown path' })]
    for (const route of routes) {
      const body = hasBody(route.method) ? { body: '{"broken":' } : {}
      const path = pathOf(route, '%00')
      if (hasBody(route.method) || path !== route.url) {
        const call = { sent: 'an invalid path or body', ...body }
        responses.push(await http.client().call(route.method, path, call))
      }
    }
    const readable = publicRead(routes)
    if (readable) {
      responses.push(await client.call('GET', `${readable.url}?a=%ff%fe&a=1`, { sent: 'an invalid query' }))
    }
    const refused = responses.filter(({ status }) => status >= 400)
    if (refused.length === 0) throw new NotVerified('no error could be provoked')
    for (const response of refused) {
      const met = response.status < 500 && !LEAKS.test(response.text)
      expect.response(response, 'no internals in the body', met)
    }
  },
}

export const problemDetails: ServiceCheck = {
  id: 'problem-details',
  rank: 400,
  claim: 'One shape for every error: application/problem+json',
  source: 'RFC 9457 §3',
  needs: 'service',
  async run({ expect, http, actors }) {
    const { client, accessToken: token } = await actors.user()
    const large = { sent: 'a body of 1 MiB', body: 'x'.repeat(1 << 20) }
    const responses = [
      await client.call('POST', `${AUTH}/login`, { sent: 'an invalid body', body: {} }),
      await client.call('GET', `${USERS}/me`, { sent: 'no credentials' }),
      await client.call('GET', USERS, { sent: "a user's token on an admin's route", token }),
      await client.call('GET', UNKNOWN_PATH, { sent: 'an unknown path' }),
      await client.call('DELETE', `${AUTH}/login`, { sent: 'a method that the path does not have' }),
      await http.client().call('POST', `${AUTH}/login`, large),
      await client.call('GET', `/${'x'.repeat(6000)}`, { sent: 'a path of 6,000 characters' }),
    ]
    for (const response of responses) {
      const type = String(response.headers['content-type']).split(';', 1)[0]
      const isComplete = ['type', 'title', 'status', 'code', 'requestId'].every(name => name in response.json)
      const isSame = response.json.status === response.status
      const met = type === 'application/problem+json' && isComplete && isSame
      expect.response(response, 'problem+json with its fields', met, ['content-type'])
    }
  },
}

export const methodNotAllowed: ServiceCheck = {
  id: 'method-not-allowed',
  rank: 410,
  claim: 'Unknown methods refused with 405 and Allow',
  source: 'RFC 9110 §15.5.6, ASVS 5.0 §4.1.4',
  needs: 'service',
  async run({ expect, http }) {
    const client = http.client()
    for (const [method, path] of [
      ['TRACE', '/health/live'],
      ['PATCH', `${USERS}/me`],
      ['DELETE', `${AUTH}/login`],
    ] as const) {
      const response = await client.call(method, path, { sent: `${method}, which the path does not have` })
      const met = response.status === 405 && 'allow' in response.headers
      expect.response(response, '405 with Allow', met, ['allow'])
    }
  },
}
