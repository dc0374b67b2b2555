/** Probes of what every answer carries: security headers, CORS, caching, and nothing about the server. */
import type { Http } from '../../http.ts'
import type { ObservedRoute } from '../../observe/observation.ts'
import { AUTH } from '../actors.ts'
import type { AnyProbe, ProbeContext, ServiceContext, ServiceProbe } from '../probe.ts'
import { pathOf, publicRead } from '../routes.ts'

/** Each header, and what it has to say: ASVS 5.0 §3.4 and the OWASP Secure Headers Project. */
const HEADERS: Record<string, RegExp> = {
  'content-security-policy': /(^|; *)(default-src|frame-ancestors) /,
  'strict-transport-security': /max-age=(3[1-9]\d{6}|[4-9]\d{7,}|\d{9,})/,
  'x-content-type-options': /^nosniff$/,
  'x-frame-options': /^(deny|sameorigin)$/i,
  'referrer-policy': /^(no-referrer|same-origin|strict-origin(-when-cross-origin)?)$/,
  'cross-origin-opener-policy': /^same-origin$/,
  'cross-origin-resource-policy': /^same-(origin|site)$/,
}

/** Scripts from everywhere, from the page itself or from text, and frames of anybody: what a policy is there to refuse. */
const WEAK_POLICY = /(default|script)-src [^;]*(\*([ ;]|$)|'unsafe-)|frame-ancestors [^;]*\*([ ;]|$)/

function fits(name: string, value: string): boolean {
  if (name === 'content-security-policy' && WEAK_POLICY.test(value)) return false
  return HEADERS[name]?.test(value) === true
}

export const securityHeaders: AnyProbe = {
  id: 'security-headers',
  claim: 'Helmet security headers applied, on refusals too ({count} headers by name)',
  source: 'ASVS 5.0 §3.4.1, §3.4.3, §3.4.4, §3.4.5, §3.4.6',
  needs: 'http',
  async probe({ checks, http, routes, exhausted }) {
    const names = Object.keys(HEADERS)
    const { refused } = await exhausted()
    for (const answer of [...(await someAnswers(http, routes)), ...(refused ? [refused] : [])]) {
      const missing = names.filter(name => !fits(name, String(answer.headers[name] ?? '')))
      const met = missing.length === 0
      checks.answer(
        answer,
        met ? 'every header' : `every header; ${missing.join(', ')} did not fit`,
        met,
        names,
      )
    }
    return { count: String(names.length) }
  },
}

export const noFingerprint: AnyProbe = {
  id: 'no-fingerprint',
  claim: 'Answers do not name the server or its version',
  source: 'ASVS 5.0 §13.4.6',
  needs: 'http',
  async probe({ checks, http, routes }) {
    for (const answer of await someAnswers(http, routes)) {
      const named = ['server', 'x-powered-by', 'x-runtime', 'via'].filter(name => name in answer.headers)
      checks.answer(answer, 'no Server, X-Powered-By, X-Runtime or Via', named.length === 0)
    }
  },
}

/** A success, a refusal, an unknown path and a bad body, as far as the app has them. */
async function someAnswers(http: Http, routes: readonly ObservedRoute[]) {
  const client = http.client()
  const readable = publicRead(routes)
  const guarded = routes.find(route => route.guard?.startsWith('JWT') && route.method === 'GET')
  const writable = routes.find(route => route.method === 'POST' && route.guard === undefined)
  const answers = [await client.call('GET', '/report/no-such-path', { sent: 'an unknown path' })]
  if (readable) answers.push(await client.call('GET', pathOf(readable)))
  if (guarded) answers.push(await client.call('GET', pathOf(guarded), { sent: 'no credentials' }))
  if (writable) {
    answers.push(await client.call('POST', pathOf(writable), { sent: 'a body that is not JSON', body: '{' }))
  }
  return answers
}

const FOREIGN_ORIGIN = 'https://attacker.report.test'

export const corsRefused: AnyProbe = {
  id: 'cors-refused',
  claim: 'CORS grants nothing to unknown origins',
  source: 'ASVS 5.0 §3.4.2',
  needs: 'http',
  async probe(context) {
    const { checks, http, routes } = context
    const route = routes[0]
    const path = route ? pathOf(route) : '/'
    const client = http.client()
    const origins = { [FOREIGN_ORIGIN]: FOREIGN_ORIGIN, null: 'null', ...lookAlikes(context) }
    for (const [name, origin] of Object.entries(origins)) {
      const preflight = { origin, 'access-control-request-method': 'POST' }
      const answers = [
        await client.call('OPTIONS', path, { sent: `a preflight from ${name}`, headers: preflight }),
        await client.call('GET', path, { sent: `a request from ${name}`, headers: { origin } }),
      ]
      for (const answer of answers) {
        const granted = answer.headers['access-control-allow-origin']
        const met = granted === undefined || (granted !== '*' && granted !== origin)
        checks.answer(answer, 'no grant', met && granted !== '*', ['access-control-allow-origin'])
      }
    }
  },
}

/** What a comparison of beginnings, of ends, or by an unescaped pattern takes for the allowed origin; by names. */
function lookAlikes(context: ProbeContext | ServiceContext): Record<string, string> {
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

export const corsAllowed: ServiceProbe = {
  id: 'cors-allowed',
  claim: 'CORS configured for allowed origins',
  source: 'ASVS 5.0 §3.4.2, Fetch §3.2',
  needs: 'service',
  async probe({ checks, http, internals: { allowedOrigin: origin } }) {
    const client = http.client()
    const headers = { origin, 'access-control-request-method': 'PUT' }
    const path = `${AUTH}/login`
    const answers = [
      await client.call('OPTIONS', path, { sent: 'a preflight from the allowed origin', headers }),
      await client.call('GET', '/health/live', {
        sent: 'a request from the allowed origin',
        headers: { origin },
      }),
    ]
    for (const answer of answers) {
      const isGranted = answer.headers['access-control-allow-origin'] === origin
      const varies = /\borigin\b/i.test(String(answer.headers.vary ?? ''))
      checks.answer(answer, 'a grant to this origin alone, and Vary', isGranted && varies, ['vary'])
    }
  },
}

export const noStore: ServiceProbe = {
  id: 'no-store',
  claim: 'Answers with tokens kept by no cache',
  source: 'RFC 6749 §5.1, ASVS 5.0 §14.3.2',
  needs: 'service',
  async probe({ checks, actors }) {
    const { client, email, password, refreshToken } = await actors.user()
    const answers = [
      await client.call('POST', `${AUTH}/login`, { sent: 'a login', body: { email, password } }),
      await client.call('POST', `${AUTH}/refresh`, { sent: 'a refresh', body: { refreshToken } }),
    ]
    for (const answer of answers) {
      const isKept = !String(answer.headers['cache-control']).includes('no-store')
      checks.answer(answer, '200 with no-store', answer.status === 200 && !isKept, ['cache-control'])
    }
  },
}
