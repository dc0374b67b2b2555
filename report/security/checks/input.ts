/** Security checks of request bodies, on every route that takes one: what is wrong is refused, and what is right is accepted. */
import type { JsonSchema } from '../../json-schema.ts'
import type { ObservedRoute } from '../../observe/observation.ts'
import { hasBody, takesBody } from '../../routes.ts'
import { requireHonest } from '../../sweep/honest.ts'
import type { Sample } from '../../sweep/sample.ts'
import type { Sweep } from '../../sweep/sweep.ts'
import type { CheckContext, HttpCheck, ServiceCheck } from '../check.ts'

const isRefused = ({ response: { status } }: Sample) => [400, 413, 415, 422].includes(status)

/** Returns the samples of wrong bodies on routes that take one, and whose valid request was accepted. */
function wrongBodies(sweep: Sweep, routes: readonly ObservedRoute[], test: (sent: string) => boolean) {
  requireHonest(sweep, routes.filter(takesBody))
  return sweep.samples.filter(
    ({ route, kind, response }) =>
      route && takesBody(route) && kind === 'body' && test(response.exchange.sent),
  )
}

const STRICT = /unknown field|^JSON as|^a form$|^null as|^a list as|^an object as|constructor key/
const MALFORMED = /^broken JSON|UTF-8|nesting|__proto__|NUL/
const LARGE = /^a body of 2 MiB/

export const inputValidation: HttpCheck = {
  id: 'input-validation',
  rank: 10,
  claim: 'Input validation with JSON Schema on every route that takes a body ({count} routes)',
  source: 'ASVS 5.0 §2.2.1',
  needs: 'http',
  async run({ expect, sweep, routes, http }) {
    http.requireWrites()
    const wrong = wrongBodies(
      await sweep(),
      routes,
      sent => !STRICT.test(sent) && !MALFORMED.test(sent) && !LARGE.test(sent),
    )
    expect.samples(wrong, '400, 413, 415 or 422', isRefused)
    const unchecked = routes.filter(
      ({ method, readsBody, schemas }) => hasBody(method) && readsBody && schemas.body === undefined,
    )
    const names = unchecked.map(({ method, url }) => `${method} ${url}`).join(', ')
    expect.fact('routes that read a body without a schema', names || 'none', 'none', unchecked.length === 0)
    return { count: String(routes.filter(takesBody).length) }
  },
}

export const strictBodies: HttpCheck = {
  id: 'strict-bodies',
  rank: 290,
  claim: 'Unknown fields, coerced types and foreign content types refused ({count} routes)',
  source: 'ASVS 5.0 §2.2.1, §4.1.5',
  needs: 'http',
  run: context => expectRefusals(context, STRICT),
}

export const malformedText: HttpCheck = {
  id: 'malformed-input',
  rank: 300,
  claim: 'Malformed JSON, bad UTF-8, deep nesting and __proto__ refused ({count} routes)',
  source: 'ASVS 5.0 §1.5.3, §15.3.6, CWE-674',
  needs: 'http',
  run: context => expectRefusals(context, MALFORMED),
}

type FieldError = { path?: unknown; message?: unknown; keyword?: unknown }

export const validationErrors: ServiceCheck = {
  id: 'validation-errors',
  rank: 405,
  claim: 'All mistakes of a body named at once, each with path, message and keyword ({count} routes)',
  source: 'RFC 9457 §3.1, ASVS 5.0 §2.2.1',
  needs: 'service',
  async run({ expect, sweep, routes, http }) {
    http.requireWrites()
    const wrong = wrongBodies(await sweep(), routes, sent => sent === 'a wrong type in every field')
    const isComplete = ({ route, response }: Sample) => {
      const errors = (Array.isArray(response.json.errors) ? response.json.errors : []) as FieldError[]
      const paths = errors.map(({ path }) => String(path))
      const names = Object.keys((route?.schemas.body as JsonSchema | undefined)?.properties ?? {})
      return (
        names.every(name => paths.some(path => path.includes(name))) &&
        errors.every(({ path, message, keyword }) =>
          [path, message, keyword].every(part => typeof part === 'string'),
        )
      )
    }
    return { count: String(expect.samples(wrong, 'an entry for each field', isComplete).routes) }
  },
}

type Context = Pick<CheckContext, 'sweep' | 'routes' | 'http'> &
  Pick<Parameters<HttpCheck['run']>[0], 'expect'>

async function expectRefusals({ expect, sweep, routes, http }: Context, kinds: RegExp) {
  http.requireWrites()
  const wrong = wrongBodies(await sweep(), routes, sent => kinds.test(sent))
  return { count: String(expect.samples(wrong, '400, 413, 415 or 422', isRefused).routes) }
}
