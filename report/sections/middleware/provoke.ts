/** Provokes every stage that can refuse a request: by size, length, frequency, form and credentials. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Context } from '../../context.ts'
import type { HttpResponse } from '../../http.ts'
import { exampleBody } from '../../json-schema.ts'
import type { ObservedRoute } from '../../observe/observation.ts'
import { hasBody, isPublic, pathOf, publicRead } from '../../routes.ts'
import { EXEMPT } from '../../security/exhaust.ts'
import type { Role } from '../../service/roles.ts'
import { cookieOf } from '../../sweep/caller.ts'

/** Returns the responses to requests that are wrong in one way each, as far as the app has routes for them. */
export async function provokeStages(context: Context): Promise<HttpResponse[]> {
  const { routes, http } = context
  const writable = http.allowsWrites ? routes.filter(route => isPublic(route) && hasBody(route.method)) : []
  const [firstWritable] = writable
  const readable = publicRead(routes.filter(({ url }) => !EXEMPT.test(url)))
  const lists = await Promise.all([
    readable ? provokeReads(context, readable) : [],
    firstWritable ? provokeWrites(context, firstWritable) : [],
    http.allowsWrites ? provokePreflight(context, readable ?? firstWritable) : [],
    context.service ? provokeGuards(context.service, context.api) : [],
    context.exhausted().then(({ refused }) => (refused ? [refused] : [])),
    provokeLimits(context, writable),
  ])
  // Last: meanwhile the service sheds all other requests too.
  return [...lists.flat(), ...(await provokeOverload(context, readable ?? firstWritable))]
}

/** Only an app with one of these sheds load by the delay of its event loop. Other apps are not stalled. */
const SHEDDERS = ['@fastify/under-pressure']
const SHEDDING_HOOK = /shed|overload|pressure/i
const MAX_TRIES = 30

/** Sends requests while the event loop is blocked: until one is shed, and then until none is. */
async function provokeOverload(
  { http, subject }: Context,
  route: ObservedRoute | undefined,
): Promise<HttpResponse[]> {
  const { packages, hooks } = await subject.observe()
  const shedsLoad =
    packages.some(({ name }) => SHEDDERS.includes(name)) || hooks.some(({ name }) => SHEDDING_HOOK.test(name))
  if (!route || !shedsLoad) return []
  const client = http.client()
  const call = () =>
    client.call(route.method, pathOf(route), {
      sent: 'a request while the event loop is blocked',
      retry: false,
    })
  await subject.stall()
  let shed: HttpResponse | undefined
  for (let tries = 0; tries < MAX_TRIES && !shed; tries++) {
    const response = await call()
    if (response.status === 503) shed = response
    else await sleep(100)
  }
  for (let tries = 0; tries < MAX_TRIES && shed && (await call()).status === 503; tries++) await sleep(200)
  return shed ? [shed] : []
}

async function provokeReads({ http }: Context, route: ObservedRoute): Promise<HttpResponse[]> {
  const client = http.client()
  const path = pathOf(route)
  return [
    await client.call('GET', path),
    await client.call('GET', `${path}?q=${'x'.repeat(6000)}`, { sent: 'a URL of 6,000 characters' }),
  ]
}

async function provokeWrites({ http }: Context, route: ObservedRoute): Promise<HttpResponse[]> {
  const client = http.client()
  const post = (sent: string, body: unknown, headers?: Record<string, string>) =>
    client.call(route.method, pathOf(route), { sent, body, ...(headers && { headers }) })
  return [
    ...(await retryResets(() => post('a body of 2 MiB', 'x'.repeat(2 << 20)))),
    await post('a body that is not JSON', '{'),
    await post('a body of an unknown type', 'x', { 'content-type': 'application/x-report' }),
    await post('an invalid body', { report: true }),
  ]
}

const RESETS = ['ECONNRESET', 'EPIPE']
const MAX_RESETS = 5

/** Fastify closes the connection while a refused body is still being sent. One response in five is lost then. */
async function retryResets(call: () => Promise<HttpResponse>): Promise<HttpResponse[]> {
  for (let resets = 0; resets < MAX_RESETS; resets++) {
    try {
      return [await call()]
    } catch (error) {
      if (!RESETS.includes((error as NodeJS.ErrnoException).code ?? '')) throw error
    }
  }
  return []
}

async function provokePreflight({ http }: Context, route?: ObservedRoute): Promise<HttpResponse[]> {
  const headers = { origin: 'https://attacker.report.test', 'access-control-request-method': 'PUT' }
  return [await http.client().call('OPTIONS', route ? pathOf(route) : '/', { sent: 'a preflight', headers })]
}

async function provokeGuards(
  { actors }: NonNullable<Context['service']>,
  api: Context['api'],
): Promise<HttpResponse[]> {
  const [actor, other] = await Promise.all([actors.user(), actors.user()])
  const { client, accessToken: token } = actor
  const { found } = api
  const requests: [Role, () => Promise<HttpResponse>][] = [
    ['me', () => client.call(...api.to('me'), { sent: 'the right token', token })],
    ['users', () => client.call(...api.to('users'), { sent: "a user's token on an admin's route", token })],
    ['profile', () => client.call(...api.to('profile', `${other.id}x`), { sent: 'an invalid id', token })],
    ...[
      { sent: "a stranger's token", id: other.id },
      { sent: "the owner's token", id: actor.id },
    ].map(({ sent, id }): [Role, () => Promise<HttpResponse>] => [
      'updateProfile',
      () =>
        client.call(...api.to('updateProfile', id), {
          sent,
          token,
          body: api.body(api.route('updateProfile'), actor),
        }),
    ]),
    [
      'refresh',
      async () => {
        const headers = { cookie: await cookieOf({ api }, actor) }
        return client.call(...api.to('refresh'), { sent: 'a cookie without a CSRF token', body: {}, headers })
      },
    ],
  ]
  const responses: HttpResponse[] = []
  for (const [role, send] of requests) if (found[role]) responses.push(await send())
  return responses
}

/** Routes with a limit of their own refuse a client sooner than the client's limit does. */
const MAX_REQUESTS = 30
const CONCURRENCY = 5

/** Calls each route until it refuses. Returns the refusals. */
async function provokeLimits({ http }: Context, routes: readonly ObservedRoute[]): Promise<HttpResponse[]> {
  const lists = await Promise.all(
    routes.map(async route => {
      const client = http.client()
      // A valid body, so that limits that run after validation apply too.
      const options = { sent: 'one request too many', body: exampleBody(route) }
      for (let sent = 0; sent < MAX_REQUESTS; sent += CONCURRENCY) {
        const responses = await Promise.all(
          Array.from({ length: CONCURRENCY }, () => client.call(route.method, pathOf(route), options)),
        )
        const refused = responses.find(({ status }) => status === 429)
        if (refused) return [refused]
      }
      return []
    }),
  )
  return lists.flat()
}
