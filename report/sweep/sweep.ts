/** The sweep: every route × method × actor × kind of wrong request, asked once. Checks read the responses. */
import { messageOf } from '../errors.ts'
import type { Client, Http, HttpResponse } from '../http.ts'
import type { ObservedRoute } from '../observe/observation.ts'
import { fillPath, needsToken, pathOf, takesBody } from '../routes.ts'
import type { Exhausted } from '../security/exhaust.ts'
import { type Accounts, type Caller, createCaller } from './caller.ts'
import { conflictsOf } from './conflicts.ts'
import { sweepRaw } from './raw.ts'
import type { ActorName, Kind, Outgoing, Sample } from './sample.ts'
import { edgeRequests, type Wrong, wrongRequests } from './wrong.ts'

export type SweepContext = {
  http: Http
  routes: readonly ObservedRoute[]
  accounts: Accounts | undefined
  /** Whether anything but GET and HEAD may be sent. */
  allowsWrites: boolean
  exhausted: () => Promise<Exhausted>
}

export type Sweep = {
  samples: Sample[]
  /** The routes whose valid request could not be made or sent, and why. */
  unreached: { route: ObservedRoute; why: string }[]
}

/** Routes that are asked at once. */
const CONCURRENCY = 8
const READS = ['GET', 'HEAD']

/** Returns all samples. A request that has no response is a sample with status 0. */
export async function sweepService(options: SweepContext): Promise<Sweep> {
  const context = { ...options, clientFor: createClients(options.http) }
  const sweep: Sweep = { samples: [], unreached: [] }
  const routes = context.routes.filter(({ method }) => context.allowsWrites || READS.includes(method))
  // The limit's window passes, so this comes first.
  const limited = sweepLimited(context, routes)
  const raw = sweepRaw(context.http)
  await inParallel(routes, route =>
    sweepRoute(context, route, sweep).catch(error => {
      sweep.unreached.push({ route, why: messageOf(error) })
    }),
  )
  await inParallel([...new Set(routes.map(({ url }) => url))], url => sweepUrl(context, url, sweep))
  sweep.samples.push(...(await limited), ...(await raw))
  return sweep
}

type Run = SweepContext & { clientFor: (method: string) => Client }

/** A new connection costs as much as a request. A limit of fewer requests than this would stop a person. */
const REQUESTS_PER_CLIENT = 10

/** Returns a function that returns a client for one request. Writes may have limits of their own, so each has a client. */
function createClients(http: Http) {
  let shared = http.client()
  let requests = 0
  return (method: string): Client => {
    if (!READS.includes(method)) return http.client()
    requests += 1
    if (requests % REQUESTS_PER_CLIENT === 0) shared = http.client()
    return shared
  }
}

async function inParallel<Item>(items: readonly Item[], work: (item: Item) => Promise<void>): Promise<void> {
  const queue = [...items]
  await Promise.all(
    Array.from({ length: CONCURRENCY }, async () => {
      for (let item = queue.shift(); item !== undefined; item = queue.shift()) await work(item)
    }),
  )
}

type Planned = {
  route: ObservedRoute | undefined
  actor: ActorName
  kind: Kind
  request: () => Promise<Outgoing>
}

/** Sends a planned request from an address of its own. */
async function take({ clientFor }: Run, { request, ...about }: Planned, caller?: Caller): Promise<Sample> {
  const send = async (headers?: Record<string, string>) => {
    const { method, path, ...call } = await request()
    const options = { ...call, ...(headers && { headers: { ...call.headers, ...headers } }) }
    const response = await sendOrFail(clientFor, method, path, options)
    caller?.used({ method }, response.status)
    return { method, path, response }
  }
  const first = await send()
  return { ...about, ...first, again: async headers => (await send(headers)).response }
}

const MAX_RESETS = 3

/** A refused body may be cut off with its connection, and the response with it: then it is sent again. */
async function sendOrFail(
  clientFor: Run['clientFor'],
  method: string,
  path: string,
  options: object,
): Promise<HttpResponse> {
  for (let resets = 0; ; resets++) {
    try {
      return await clientFor(method).call(method, path, options)
    } catch (error) {
      if (resets < MAX_RESETS) continue
      const exchange = {
        kind: 'exchange' as const,
        sent: 'sent' in options ? String(options.sent) : 'a plain request',
        request: `${method} ${path}`,
        status: 0,
      }
      return {
        status: 0,
        headers: {},
        text: messageOf(error),
        json: {},
        hasEnded: true,
        traceId: '',
        exchange,
      }
    }
  }
}

async function sweepRoute(context: Run, route: ObservedRoute, { samples, unreached }: Sweep): Promise<void> {
  const { accounts } = context
  const add = async (planned: Planned, caller?: Caller) =>
    void samples.push(await take(context, planned, caller))
  for (const sent of context.accounts && needsToken(route)
    ? Object.keys(BAD_CREDENTIALS)
    : ['no credentials']) {
    await add({ route, actor: 'anonymous', kind: 'credentials', request: async () => anonymous(route, sent) })
  }
  if (route.method === 'GET') {
    const request = async () => ({
      ...anonymous(route, 'no credentials'),
      method: 'HEAD',
      sent: 'HEAD without credentials',
    })
    await add({ route, actor: 'anonymous', kind: 'credentials', request })
  }
  const caller = createCaller(route, accounts)
  try {
    await caller.request()
  } catch (error) {
    unreached.push({ route, why: messageOf(error) })
    return
  }
  const of = (kind: Kind, change: (honest: Outgoing) => Outgoing): Planned => ({
    route,
    actor: caller.actor,
    kind,
    request: async () => change(await caller.request()),
  })
  const contentOf = createContents(route)
  const count = contentOf(await caller.request()).length
  for (let index = 0; index < count; index++) {
    const nth = (honest: Outgoing) => contentOf(honest)[index]
    const { kind = 'body' } = nth(await caller.request()) ?? {}
    await add(
      of(kind, honest => nth(honest)?.request ?? honest),
      caller,
    )
  }
  if (route.method === 'GET') {
    await add(
      of('method', honest => ({ ...honest, method: 'HEAD', sent: 'HEAD in place of GET' })),
      caller,
    )
  }
  await add(
    of('honest', honest => ({ ...honest, sent: 'a valid request' })),
    caller,
  )
  for (const conflict of accounts ? conflictsOf(route, accounts) : []) {
    const request = async () => conflict(await caller.request())
    await add({ route, actor: caller.actor, kind: 'conflict', request }, caller)
  }
  if (
    accounts &&
    (caller.actor === 'owner' || caller.actor === 'admin' || (caller.actor === 'user' && /:/.test(route.url)))
  ) {
    const { actors } = accounts
    const other = await actors.user()
    await add(
      {
        route,
        actor: 'stranger',
        kind: 'rights',
        request: async () => ({
          ...(await caller.request()),
          token: other.accessToken,
          sent: "another user's token",
        }),
      },
      caller,
    )
  }
}

/**
 * Returns a function of a valid request. It returns the requests with other content: wrong in one way each, or at the edge
 * of what is valid. They are made anew only for another valid request.
 */
function createContents(route: ObservedRoute) {
  let made: { of: Outgoing; contents: Wrong[] } | undefined
  return (honest: Outgoing): Wrong[] => {
    if (made?.of !== honest) {
      made = { of: honest, contents: [...wrongRequests(route, honest), ...edgeRequests(route, honest)] }
    }
    return made.contents
  }
}

/** Values of the Authorization header that no server may accept. */
const BAD_CREDENTIALS: Record<string, string | undefined> = {
  'no credentials': undefined,
  'a token that is none': 'Bearer report',
  'an empty token': 'Bearer ',
  'another scheme': 'Basic cmVwb3J0OnJlcG9ydA==',
  'an unsigned token': 'Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiIwIiwicm9sZSI6ImFkbWluIn0.',
}

function anonymous(route: ObservedRoute, sent: string): Outgoing {
  const authorization = BAD_CREDENTIALS[sent]
  return {
    method: route.method,
    path: pathOf(route),
    sent,
    ...(authorization !== undefined && { headers: { authorization } }),
    ...(takesBody(route) && { body: {} }),
  }
}

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE']

/** Asks a path with each method that it does not have, and under other spellings. */
async function sweepUrl(context: Run, url: string, { samples }: Sweep): Promise<void> {
  const { routes, allowsWrites } = context
  const known = routes.filter(route => route.url === url)
  const methods = new Set(known.map(({ method }) => method))
  if (methods.has('GET')) methods.add('HEAD')
  const path = fillPath(url, () => undefined)
  for (const method of METHODS.filter(name => !methods.has(name) && (allowsWrites || READS.includes(name)))) {
    const sent = `${method}, which the path does not have`
    samples.push(
      await take(context, {
        route: undefined,
        actor: 'anonymous',
        kind: 'method',
        request: async () => ({ method, path, sent }),
      }),
    )
  }
  const [route] = known
  if (!route) return
  for (const [sent, spelled] of Object.entries(spellings(path))) {
    const request = async () => ({ method: route.method, path: spelled, sent })
    samples.push(await take(context, { route: undefined, actor: 'anonymous', kind: 'spelling', request }))
  }
}

function spellings(path: string): Record<string, string> {
  return {
    'the path with a slash at its end': `${path}/`,
    'the path in capitals': path.toUpperCase(),
    'the path with two slashes': path.replace(/\/([^/]*)$/, '//$1'),
    'the path with an encoded letter': path.replace(
      /[a-z](?=[^/]*$)/,
      letter => `%${letter.charCodeAt(0).toString(16)}`,
    ),
    'the path with a parameter of its own': `${path};report=1`,
    'the path through a parent folder': `/report/..${path}`,
  }
}

/** Asks every route as a client over its limit. */
async function sweepLimited(
  { exhausted }: SweepContext,
  routes: readonly ObservedRoute[],
): Promise<Sample[]> {
  const { client, refused } = await exhausted()
  if (!refused) return []
  return Promise.all(
    routes.map(async route => {
      const call = (headers?: Record<string, string>) =>
        client.call(route.method, pathOf(route), {
          sent: 'one request too many',
          ...(headers && { headers }),
          retry: false,
        })
      const response = await call()
      const about = {
        route,
        method: route.method,
        path: pathOf(route),
        actor: 'anonymous',
        kind: 'limit',
      } as const
      return { ...about, response, again: call }
    }),
  )
}
