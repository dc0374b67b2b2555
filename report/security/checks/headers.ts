/** Security checks of response headers, on every response of the sweep: security headers, CORS, the name of the server. */
import type { HttpResponse } from '../../http.ts'
import { pathOf } from '../../routes.ts'
import type { Sample } from '../../sweep/sample.ts'
import type { CheckContext, HttpCheck, ServiceCheck, ServiceContext } from '../check.ts'

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
  claim: 'Helmet security headers applied to every route and error asked ({count} headers, {routes} routes)',
  source: 'ASVS 5.0 §3.4.1, §3.4.3, §3.4.4, §3.4.5, §3.4.6',
  needs: 'http',
  async run({ expect, sweep }) {
    const names = Object.keys(HEADERS)
    const samples = responded((await sweep()).samples)
    const isMet = ({ response: { headers } }: Sample) =>
      names.every(name => isValid(name, String(headers[name] ?? '')))
    const { routes } = expect.samples(samples, 'every header with a strong value', isMet, names)
    return { count: String(names.length), routes: String(routes) }
  },
}

/** The name of a server, a framework or a runtime with a version. */
const SOFTWARE =
  /\b(node(\.?js)?|fastify|express|nginx|apache|openresty|envoy|caddy|postgres(ql)?|drizzle|koa|hapi|nest(js)?)\b[\s/@-]?v?\d|^v\d+\.\d+\.\d+$/i

export const noFingerprint: HttpCheck = {
  id: 'no-fingerprint',
  rank: 320,
  claim: 'Responses do not name the server or its version',
  source: 'ASVS 5.0 §13.4.6',
  needs: 'http',
  async run({ expect, sweep }) {
    const names = ['server', 'x-powered-by', 'x-runtime', 'x-aspnet-version', 'x-generator', 'via']
    const isMet = ({ response: { headers } }: Sample) =>
      !names.some(name => name in headers) &&
      !Object.values(headers).some(value => SOFTWARE.test(String(value)))
    const expected = `none of ${names.join(', ')}, and no software with its version in another`
    expect.samples(responded((await sweep()).samples), expected, isMet, names)
  },
}

export const corsAllowed: ServiceCheck = {
  id: 'cors-allowed',
  rank: 50,
  claim: 'CORS configured for allowed origins ({routes} routes)',
  source: 'ASVS 5.0 §3.4.2, Fetch §3.2',
  needs: 'service',
  async run({ expect, sweep, http, routes, internals: { allowedOrigin: origin } }) {
    const samples = await repeat(onePerStatus((await sweep()).samples), { origin })
    const isGranted = ({ response: { headers } }: Sample) =>
      headers['access-control-allow-origin'] === origin && /\borigin\b/i.test(String(headers.vary ?? ''))
    const scope = expect.samples(samples, 'a grant to this origin only, and Vary', isGranted, [
      'access-control-allow-origin',
      'vary',
    ])
    const paths = [...new Set(routes.map(({ url }) => url))]
    for (const path of paths) {
      const methods = routes.filter(({ url }) => url === path).map(({ method }) => method)
      const preflight = await http.client().call('OPTIONS', path.replaceAll(/:\w+/g, 'x'), {
        sent: 'a preflight from the allowed origin',
        headers: { origin, 'access-control-request-method': methods[0] ?? 'GET' },
      })
      const { headers } = preflight
      if (headers['access-control-allow-origin'] === origin) continue
      expect.response(preflight, 'a grant to this origin', false, ['access-control-allow-origin'])
    }
    return { routes: String(scope.routes) }
  },
}

const FOREIGN_ORIGIN = 'https://attacker.report.test'

export const corsRefused: HttpCheck = {
  id: 'cors-refused',
  rank: 310,
  claim: 'CORS grants nothing to unknown origins ({routes} routes)',
  source: 'ASVS 5.0 §3.4.2',
  needs: 'http',
  async run(context) {
    const { expect, sweep, http, routes } = context
    const { samples } = await sweep()
    const isRefused = ({ response: { headers } }: Sample) => {
      const granted = headers['access-control-allow-origin']
      return granted === undefined || (granted !== '*' && granted !== 'null' && !isForeign(context, granted))
    }
    expect.samples(responded(samples), 'no grant to a request without an origin', isRefused, SHOWN)
    const repeated = await repeat(onePerStatus(samples), { origin: FOREIGN_ORIGIN })
    const { routes: asked } = expect.samples(repeated, 'no grant to a foreign origin', isRefused, SHOWN)
    const reads = routes.filter(({ method }) => method === 'GET')
    for (const [name, origin] of Object.entries({ null: 'null', ...similarOrigins(context) })) {
      const client = http.client()
      const granting: HttpResponse[] = []
      for (const route of reads) {
        const response = await client.call('GET', pathOf(route), {
          sent: `a request from ${name}`,
          headers: { origin },
        })
        const granted = response.headers['access-control-allow-origin']
        if (granted === '*' || granted === origin) granting.push(response)
      }
      for (const response of granting) expect.response(response, 'no grant', false, SHOWN)
      expect.fact(`routes that grant ${name}`, String(granting.length), '0', granting.length === 0)
    }
    for (const url of new Set(routes.map(route => route.url))) {
      const headers = { origin: FOREIGN_ORIGIN, 'access-control-request-method': 'POST' }
      const sent = 'a preflight from a foreign origin'
      const response = await http.client().call('OPTIONS', url.replaceAll(/:\w+/g, 'x'), { sent, headers })
      const granted = response.headers['access-control-allow-origin']
      if (granted === '*' || granted === FOREIGN_ORIGIN) expect.response(response, 'no grant', false, SHOWN)
    }
    return { routes: String(asked) }
  },
}

const SHOWN = ['access-control-allow-origin']

/** A constant origin may be granted in every response: a browser compares it with its page's. */
function isForeign(context: CheckContext | ServiceContext, granted: string): boolean {
  return !('internals' in context) || granted !== context.internals.allowedOrigin
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

/** A request that has no response has no headers. */
function responded(samples: readonly Sample[]): Sample[] {
  return samples.filter(({ response }) => response.status !== 0)
}

/** Returns one sample of each route, method and status. Where no route has the path, one of each method and status will do. */
function onePerStatus(samples: readonly Sample[]): Sample[] {
  const first = new Map<string, Sample>()
  // The parser refuses before it has read any header, an origin for one.
  for (const sample of responded(samples).filter(({ kind }) => kind !== 'parser')) {
    const key = `${sample.method} ${sample.route?.url} ${sample.response.status}`
    if (!first.has(key)) first.set(key, sample)
  }
  return [...first.values()]
}

/** Sends the requests of samples anew with further headers. A limit may have ended meanwhile, so statuses may differ. */
async function repeat(samples: readonly Sample[], headers: Record<string, string>): Promise<Sample[]> {
  const repeated: Sample[] = []
  for (const sample of samples) repeated.push({ ...sample, response: await sample.again(headers) })
  return repeated.filter(({ response }) => response.status !== 0)
}
