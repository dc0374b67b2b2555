/** The security check of undeclared input: parameters, headers and cookies that no schema declares change no response. */

import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { HttpResponse } from '../../http.ts'
import type { JsonSchema } from '../../json-schema.ts'
import type { ObservedRoute } from '../../observe/observation.ts'
import { withQuery } from '../../routes.ts'
import { createCaller } from '../../sweep/caller.ts'
import type { Outgoing } from '../../sweep/sample.ts'
import type { ServiceCheck } from '../check.ts'
import { watchStatements } from '../statements.ts'

type Context = Parameters<ServiceCheck['run']>[0]

const USUAL_NAMES =
  'sort order orderBy filter q query search fields select id ids user userId owner where limit offset page cursor include expand lang locale theme file path template view format callback next redirect url debug admin role tenant token key name email'
/** Headers that code reads for its own purposes, not those of the protocol. */
const USUAL_HEADERS =
  'accept-language user-agent referer x-tenant x-tenant-id x-user x-user-id x-api-version x-locale x-client x-device x-correlation-id'

/** Values that change SQL, a template and a path where they are put into one. */
const payloadsOf = (sql: string): Record<string, string> => ({
  SQL: sql,
  'a template': '{{1337*7331}}<%=1337*7331%>',
  'a path': '../../../../../../etc/passwd',
})
const SIGNS = /9801547|root:.*:0:0:/

export const undeclaredInput: ServiceCheck = {
  id: 'undeclared-input',
  rank: 25,
  claim:
    'Undeclared parameters, headers and cookies change no response and reach no statement ({count} routes)',
  source: 'ASVS 5.0 §1.2.4, §1.3.7, §15.3.3',
  needs: 'service',
  async run(context) {
    const { expect, routes, internals, subject } = context
    const statements = await watchStatements(internals)
    const names = await namesRead(join(subject.root, 'src'))
    const payloads = payloadsOf(statements.text)
    const found = new Set<string>()
    let count = 0
    const queue = [...routes]
    const work = async () => {
      for (let route = queue.shift(); route; route = queue.shift()) {
        const isAsked = await askRoute(context, { route, names, payloads, found })
        if (isAsked) count += 1
      }
    }
    await Promise.all([work(), work(), work(), work()])
    expect.fact(
      'responses that undeclared input changed',
      [...found].sort().join('; ') || 'none',
      'none',
      found.size === 0,
    )
    const reached = await statements.find()
    expect.fact(
      'statements with the text',
      reached.length > 0 ? 'found' : 'none',
      'none',
      reached.length === 0,
    )
    return { count: String(count) }
  },
}

type Asked = {
  route: ObservedRoute
  names: Names
  payloads: Record<string, string>
  found: Set<string>
}

/** Compares the responses to undeclared input with those to names that no code reads. Returns whether the route was reached. */
async function askRoute(context: Context, { route, names, payloads, found }: Asked): Promise<boolean> {
  const { api, actors, objects, internals, http } = context
  const caller = createCaller(route, { api, actors, objects, metricsToken: internals.metricsToken })
  const isReached = await caller.request().then(
    () => true,
    () => false,
  )
  if (!isReached) return false
  const send = async (change: (honest: Outgoing) => Outgoing) => {
    const { method, path, ...call } = change(await caller.request())
    const response = await http.client().call(method, path, call)
    caller.used({ method }, response.status)
    return response
  }
  const declared = Object.keys((route.schemas.querystring as JsonSchema | undefined)?.properties ?? {})
  const parameters = names.parameters.filter(name => !declared.includes(name))
  for (const [place, add] of Object.entries(PLACES)) {
    const own = place === 'headers' ? names.headers : parameters
    const control = (honest: Outgoing) => add(honest, ['report-unknown'], 'report')
    const [first, second] = [await send(control), await send(control)]
    const isSteady = first.text === second.text
    for (const [kind, value, some] of Object.entries(payloads).flatMap(([kind, value]) =>
      batchesOf(own).map(some => [kind, value, some] as const),
    )) {
      const difference = await differenceOf({
        ask: () => send(honest => add(honest, some, value)),
        control: tries => (tries === 0 ? first : send(control)),
        isSteady,
      })
      if (difference === undefined) continue
      found.add(`${kind} in ${place} of ${route.method} ${route.url} (${difference})`)
    }
  }
  return true
}

/** A busy service sheds a request now and then, and others write meanwhile: what input changes, it changes each time. */
const TRIES = 3

type Question = {
  ask: () => Promise<HttpResponse>
  control: (tries: number) => HttpResponse | Promise<HttpResponse>
  isSteady: boolean
}

/** Returns what differs between the responses to undeclared input and to the control; undefined where nothing does. */
async function differenceOf({ ask, control, isSteady }: Question): Promise<string | undefined> {
  let difference = ''
  for (let tries = 0; tries < TRIES; tries++) {
    const [expected, response] = [await control(tries), await ask()]
    if (SIGNS.test(response.text)) return 'the text was evaluated'
    const isSameStatus = response.status === expected.status
    if (isSameStatus && isSimilar(expected, response, isSteady)) return undefined
    // A list to which others add meanwhile differs from itself: then its fields are compared.
    const after = await control(TRIES)
    if (isSameStatus && after.text !== expected.text && isSimilar(after, response, false)) return undefined
    difference = `${response.status} in place of ${expected.status}`
  }
  return difference
}

const PLACES: Record<string, (honest: Outgoing, names: readonly string[], value: string) => Outgoing> = {
  parameters: (honest, names, value) => {
    const query = names.map(name => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`).join('&')
    return { ...honest, path: withQuery(honest.path, query) }
  },
  headers: (honest, names, value) => ({
    ...honest,
    headers: { ...honest.headers, ...Object.fromEntries(names.map(name => [name, value])) },
  }),
  cookies: (honest, names, value) => {
    const own = honest.headers?.cookie
    const pairs = names.map(name => `${name}=${value.replaceAll(/[;,\s]/g, '+')}`)
    return { ...honest, headers: { ...honest.headers, cookie: [...(own ? [own] : []), ...pairs].join('; ') } }
  },
}

/** A response that differs with each request must have the same fields. Errors name their request. */
function isSimilar(a: HttpResponse, b: HttpResponse, isSteady: boolean): boolean {
  const type = (response: HttpResponse) => response.headers['content-type']
  if (type(a) !== type(b)) return false
  return isSteady ? a.text === b.text : Object.keys(a.json).join() === Object.keys(b.json).join()
}

/** Servers refuse lines of more than 4 to 8 KB. */
const BATCH = 40

function batchesOf(names: readonly string[]): string[][] {
  const count = Math.ceil(names.length / BATCH)
  return Array.from({ length: count }, (_, index) => names.slice(index * BATCH, (index + 1) * BATCH))
}

type Names = { parameters: string[]; headers: string[] }

const MAX_NAMES = 80
const SOURCE = /\.[cm]?[jt]s$/
/** Headers of the protocol, of proxies and of the report mean something to every server. */
const PROTOCOL =
  /^(host|connection|content-.*|transfer-encoding|authorization|cookie|expect|upgrade|te|trailer|keep-alive|accept|accept-(encoding|charset)|origin|if-.*|range|forwarded|x-forwarded-.*|x-real-ip|via|date|access-control-.*|sec-.*|traceparent|tracestate|x-request-id|x-csrf-token|x-http-method.*|x-report-.*|cache-control|pragma)$/

/** Returns the names that the app's own source reads of a request, and usual ones. */
async function namesRead(folder: string): Promise<Names> {
  const entries = await readdir(folder, { recursive: true }).catch(() => [])
  const files = entries.filter(name => SOURCE.test(name) && !name.includes('node_modules'))
  const parameters = new Set(USUAL_NAMES.split(' '))
  const headers = new Set(USUAL_HEADERS.split(' '))
  for (const file of files) {
    const text = await readFile(join(folder, file), 'utf8')
    const lines = text.split('\n').filter(line => /query|cookie|headers|searchParams/i.test(line))
    for (const line of lines) {
      for (const name of line.match(/(?<=['"`{.\s/])[A-Za-z][\w-]{1,30}(?=['"`}:?,\s=)])/g) ?? []) {
        if (/header/i.test(line) && !PROTOCOL.test(name.toLowerCase()) && /^[a-z][a-z0-9-]*$/.test(name))
          headers.add(name)
        else if (/query|cookie|searchParams/i.test(line)) parameters.add(name)
      }
    }
  }
  return { parameters: [...parameters].slice(0, MAX_NAMES), headers: [...headers].slice(0, MAX_NAMES) }
}
