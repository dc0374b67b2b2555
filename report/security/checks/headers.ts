/** Security checks of response headers: security headers, CORS, and the name of the server. */
import type { Http } from '../../http.ts'
import type { ObservedRoute } from '../../observe/observation.ts'
import { isPublic, needsToken, pathOf, publicRead } from '../../routes.ts'
import { AUTH } from '../actors.ts'
import type { CheckContext, HttpCheck, ServiceCheck, ServiceContext } from '../check.ts'
import { UNKNOWN_PATH } from '../exhaust.ts'

/** Each header and its valid values: ASVS 5.0 §3.4 and the OWASP Secure Headers Project. */
const HEADERS: Record<string, RegExp> = {
  'content-security-policy': /(^|; *)(default-src|frame-ancestors) /,
  'strict-transport-security': /max-age=(3[1-9]\d{6}|[4-9]\d{7,}|\d{9,})/,
  'x-content-type-options': /^nosniff$/,
  'x-frame-options': /^(deny|sameorigin)$/i,
  'referrer-policy': /^(no-referrer|same-origin|strict-origin(-when-cross-origin)?)$/,
  'cross-origin-opener-policy': /^same-origin$/,
  'cross-origin-resource-policy': /^same-(origin|site)$/,
}

/** A policy that allows scripts from anywhere or inline, or frames on any site, protects against nothing. */
const WEAK_POLICY = /(default|script)-src [^;]*(\*([ ;]|$)|'unsafe-)|frame-ancestors [^;]*\*([ ;]|$)/

function isValid(name: string, value: string): boolean {
  if (name === 'content-security-policy' && WEAK_POLICY.test(value)) return false
  return HEADERS[name]?.test(value) === true
}

export const securityHeaders: HttpCheck = {
  id: 'security-headers',
  rank: 60,
  claim: 'Helmet security headers applied, on refusals too ({count} headers by name)',
  source: 'ASVS 5.0 §3.4.1, §3.4.3, §3.4.4, §3.4.5, §3.4.6',
  needs: 'http',
  async run({ expect, http, routes, exhausted }) {
    const names = Object.keys(HEADERS)
    const { refused } = await exhausted()
    for (const response of [...(await sampleResponses(http, routes)), ...(refused ? [refused] : [])]) {
      const missing = names.filter(name => !isValid(name, String(response.headers[name] ?? '')))
      const met = missing.length === 0
      const expected = met ? 'every header' : `every header; ${missing.join(', ')} missing or weak`
      expect.response(response, expected, met, names)
    }
    return { count: String(names.length) }
  },
}

export const noFingerprint: HttpCheck = {
  id: 'no-fingerprint',
  rank: 320,
  claim: 'Responses do not name the server or its version',
  source: 'ASVS 5.0 §13.4.6',
  needs: 'http',
  async run({ expect, http, routes }) {
    for (const response of await sampleResponses(http, routes)) {
      const named = ['server', 'x-powered-by', 'x-runtime', 'via'].filter(name => name in response.headers)
      expect.response(response, 'no Server, X-Powered-By, X-Runtime or Via', named.length === 0)
    }
  },
}

/** A success, a refusal, an unknown path and an invalid body, where the app has such routes. */
async function sampleResponses(http: Http, routes: readonly ObservedRoute[]) {
  const client = http.client()
  const readable = publicRead(routes)
  const guarded = routes.find(route => route.method === 'GET' && needsToken(route))
  const writable = routes.find(route => route.method === 'POST' && isPublic(route))
  const responses = [await client.call('GET', UNKNOWN_PATH, { sent: 'an unknown path' })]
  if (readable) responses.push(await client.call('GET', pathOf(readable)))
  if (guarded) responses.push(await client.call('GET', pathOf(guarded), { sent: 'no credentials' }))
  if (writable) {
    const invalid = { sent: 'a body that is not JSON', body: '{' }
    responses.push(await client.call('POST', pathOf(writable), invalid))
  }
  return responses
}

export const corsAllowed: ServiceCheck = {
  id: 'cors-allowed',
  rank: 50,
  claim: 'CORS configured for allowed origins',
  source: 'ASVS 5.0 §3.4.2, Fetch §3.2',
  needs: 'service',
  async run({ expect, http, internals: { allowedOrigin: origin } }) {
    const client = http.client()
    const preflight = await client.call('OPTIONS', `${AUTH}/login`, {
      sent: 'a preflight from the allowed origin',
      headers: { origin, 'access-control-request-method': 'PUT' },
    })
    const read = await client.call('GET', '/health/live', {
      sent: 'a request from the allowed origin',
      headers: { origin },
    })
    for (const response of [preflight, read]) {
      const isGranted = response.headers['access-control-allow-origin'] === origin
      const varies = /\borigin\b/i.test(String(response.headers.vary ?? ''))
      expect.response(response, 'a grant to this origin only, and Vary', isGranted && varies, ['vary'])
    }
  },
}

const FOREIGN_ORIGIN = 'https://attacker.report.test'

export const corsRefused: HttpCheck = {
  id: 'cors-refused',
  rank: 310,
  claim: 'CORS grants nothing to unknown origins',
  source: 'ASVS 5.0 §3.4.2',
  needs: 'http',
  async run(context) {
    const { expect, http, routes } = context
    const route = routes[0]
    const path = route ? pathOf(route) : '/'
    const client = http.client()
    const origins = { [FOREIGN_ORIGIN]: FOREIGN_ORIGIN, null: 'null', ...similarOrigins(context) }
    for (const [name, origin] of Object.entries(origins)) {
      const preflight = { origin, 'access-control-request-method': 'POST' }
      const responses = [
        await client.call('OPTIONS', path, { sent: `a preflight from ${name}`, headers: preflight }),
        await client.call('GET', path, { sent: `a request from ${name}`, headers: { origin } }),
      ]
      for (const response of responses) {
        const granted = response.headers['access-control-allow-origin']
        const met = granted !== '*' && granted !== origin
        expect.response(response, 'no grant', met, ['access-control-allow-origin'])
      }
    }
  },
}

/** Origins that a comparison by prefix, by suffix or by an unescaped pattern mistakes for the allowed one. */
function similarOrigins(context: CheckContext | ServiceContext): Record<string, string> {
  if (!('internals' in context)) return {}
  const { allowedOrigin: allowed } = context.internals
  const { protocol, host } = new URL(allowed)
  return {
    'the allowed origin with more at its end': `${allowed}.attacker.test`,
    'the allowed origin with more before its host': `${protocol}//evil-${host}`,
    'the allowed origin under another scheme': `${protocol === 'https:' ? 'http:' : 'https:'}//${host}`,
    'the allowed origin with a letter for a dot': allowed.replace('.', 'x'),
  }
}
