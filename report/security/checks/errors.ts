/** Security checks of error responses, on every error of the sweep: one form, no internals, no server errors. */
import { escapePattern } from '../../escape-pattern.ts'
import type { HttpResponse } from '../../http.ts'
import type { Sample } from '../../sweep/sample.ts'
import type { HttpCheck, ServiceCheck } from '../check.ts'

/** A stack frame, a path of the file system, a package's folder, a statement, an internal class name. */
const LEAKS =
  /\bat [\w.<>]+ \(|\bat (async )?(file:|\/)|node_modules|file:\/\/|\/(home|root|usr|work|tmp|var|app)\/|\b(select|insert into|update|delete) .+ (from|set|values)\b|"stack"|\bDrizzle|\bpg_/i

const isError = ({ response: { status } }: Sample) => status >= 400

export const noLeak: HttpCheck = {
  id: 'error-leaks',
  rank: 390,
  claim: 'No stack, SQL or path in errors ({routes} routes)',
  source: 'ASVS 5.0 §16.5.1, OWASP API8:2023',
  needs: 'http',
  async run({ expect, sweep }) {
    const errors = (await sweep()).samples.filter(isError)
    const isClean = ({ response, path }: Sample) => !LEAKS.test(withoutRequest(response, path))
    return { routes: String(expect.samples(errors, 'no internals in the body', isClean).routes) }
  },
}

/** The text of a response without the path of its request, which an error may name. */
function withoutRequest({ text }: HttpResponse, path: string): string {
  const [pathname = path] = path.split('?', 1)
  return text.replaceAll(JSON.stringify(pathname), '""')
}

export const noServerErrors: HttpCheck = {
  id: 'no-server-errors',
  rank: 385,
  claim: 'No server error from any request asked ({routes} routes)',
  source: 'OWASP API8:2023, RFC 9110 §15.6',
  needs: 'http',
  async run({ expect, sweep }) {
    // A service that sheds load says 503 and when to come back: that is an answer, not a fault.
    const isMet = ({ response: { status, headers } }: Sample) =>
      status > 0 && (status < 500 || (status === 503 && 'retry-after' in headers) || status === 501)
    const { samples } = await sweep()
    return { routes: String(expect.samples(samples, 'a response below 500', isMet).routes) }
  },
}

const FIELDS = ['type', 'title', 'status', 'code', 'requestId']

export const problemDetails: ServiceCheck = {
  id: 'problem-details',
  rank: 400,
  claim: 'One shape for every error: application/problem+json ({routes} routes)',
  source: 'RFC 9457 §3',
  needs: 'service',
  async run({ expect, sweep }) {
    const errors = (await sweep()).samples.filter(sample => isError(sample) && sample.method !== 'HEAD')
    const isProblem = ({ response: { headers, json, status } }: Sample) =>
      String(headers['content-type']).split(';', 1)[0] === 'application/problem+json' &&
      FIELDS.every(name => name in json) &&
      json.status === status &&
      (headers['x-request-id'] === undefined || json.requestId === headers['x-request-id'])
    const expected = 'problem+json with its fields, and the id of the request'
    return { routes: String(expect.samples(errors, expected, isProblem, ['content-type']).routes) }
  },
}

export const methodNotAllowed: ServiceCheck = {
  id: 'method-not-allowed',
  rank: 410,
  claim: 'Unknown methods refused with 405 and Allow ({count} paths)',
  source: 'RFC 9110 §15.5.6, ASVS 5.0 §4.1.4',
  needs: 'service',
  async run({ expect, sweep, routes }) {
    const { samples } = await sweep()
    const unknown = samples.filter(
      ({ kind, route, method }) => kind === 'method' && !route && method !== 'OPTIONS',
    )
    const isRefused = ({ path, response: { status, headers } }: Sample) =>
      status === 405 && isComplete(String(headers.allow ?? ''), methodsOf(path))
    const methodsOf = (path: string) => {
      const exact = routes.filter(({ url }) => url === path)
      return (exact.length > 0 ? exact : routes.filter(({ url }) => patternOf(url).test(path))).map(
        ({ method }) => method,
      )
    }
    expect.samples(unknown, '405, and Allow with the methods of the path', isRefused, ['allow'])
    return { count: String(new Set(routes.map(({ url }) => url)).size) }
  },
}

function isComplete(allow: string, methods: readonly string[]): boolean {
  const named = allow.split(',').map(name => name.trim())
  return methods.length > 0 && methods.every(method => named.includes(method))
}

/** Returns a pattern for the paths of a route, in which each parameter is one segment. */
function patternOf(url: string): RegExp {
  return new RegExp(`^${escapePattern(url).replaceAll(/:\w+/g, '[^/]+')}$`)
}
