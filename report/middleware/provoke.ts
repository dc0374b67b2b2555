/** Provokes every stage that can refuse: too much, too long, too often, unreadable, unwelcome. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Context } from '../collectors/context.ts'
import { type Answer, cookiePairsOf } from '../http.ts'
import type { ObservedRoute } from '../observe/observation.ts'
import { AUTH, USERS } from '../security/actors.ts'
import { hasBody, pathOf, publicRead } from '../security/routes.ts'

/** The answers to requests that are wrong in one way each. What could not be sent is left out. */
export async function provocations(context: Context): Promise<Answer[]> {
  const { routes } = context
  const open = routes.filter(route => route.guard === undefined && route.security.length === 0)
  const writable = open.find(({ method }) => hasBody(method))
  const readable = publicRead(routes.filter(({ url }) => !/health|live|ready|metrics/.test(url)))
  const lists = await Promise.all([
    readable ? provokeReads(context, readable) : [],
    writable ? provokeWrites(context, writable) : [],
    provokePreflight(context, readable ?? writable),
    context.service ? provokeGuards(context, context.service) : [],
    context.exhausted().then(({ refused }) => (refused ? [refused] : [])),
    provokeLimits(
      context,
      open.filter(({ method }) => hasBody(method)),
    ),
  ])
  // Last: until it has passed, nobody is answered anything else.
  return [...lists.flat(), ...(await provokeOverload(context, readable ?? writable))]
}

/** What sheds load by the delay of the event loop: a package, or a hook of this name. Another service is not stalled. */
const SHEDDERS = ['@fastify/under-pressure']
const SHEDDING_HOOK = /shed|overload|pressure/i
const PATIENCE = 30

/** Asks while the event loop stands still, until load is shed, and then until it is not. */
async function provokeOverload(
  { http, subject }: Context,
  route: ObservedRoute | undefined,
): Promise<Answer[]> {
  const { packages, hooks } = await subject.observe()
  const sheds =
    packages.some(({ name }) => SHEDDERS.includes(name)) || hooks.some(({ name }) => SHEDDING_HOOK.test(name))
  if (!route || !sheds) return []
  const client = http.client()
  const ask = () =>
    client.call(route.method, pathOf(route), {
      sent: 'a request while the event loop stands still',
      retry: false,
    })
  await subject.stall()
  let shed: Answer | undefined
  for (let tries = 0; tries < PATIENCE && !shed; tries++) {
    const answer = await ask()
    if (answer.status === 503) shed = answer
    else await sleep(100)
  }
  for (let tries = 0; tries < PATIENCE && shed && (await ask()).status === 503; tries++) await sleep(200)
  return shed ? [shed] : []
}

async function provokeReads({ http }: Context, route: ObservedRoute): Promise<Answer[]> {
  const client = http.client()
  const path = pathOf(route)
  return [
    await client.call('GET', path),
    await client.call('GET', `${path}?q=${'x'.repeat(6000)}`, { sent: 'a URL of 6,000 characters' }),
  ]
}

async function provokeWrites({ http }: Context, route: ObservedRoute): Promise<Answer[]> {
  const client = http.client()
  const post = (sent: string, body: unknown, headers?: Record<string, string>) =>
    client.call(route.method, pathOf(route), { sent, body, ...(headers && { headers }) })
  return [
    ...(await insist(() => post('a body of 2 MiB', 'x'.repeat(2 << 20)))),
    await post('a body that is not JSON', '{'),
    await post('a body of an unknown type', 'x', { 'content-type': 'application/x-report' }),
    await post('a body that does not fit', { report: true }),
  ]
}

const RESET = ['ECONNRESET', 'EPIPE']
const MOST_RESETS = 5

/** Fastify by itself closes while a body that it refuses is still being sent: the answer is then lost one time in five. */
async function insist(ask: () => Promise<Answer>): Promise<Answer[]> {
  for (let resets = 0; resets < MOST_RESETS; resets++) {
    try {
      return [await ask()]
    } catch (error) {
      if (!RESET.includes((error as NodeJS.ErrnoException).code ?? '')) throw error
    }
  }
  return []
}

async function provokePreflight({ http }: Context, route: ObservedRoute | undefined): Promise<Answer[]> {
  const headers = { origin: 'https://attacker.report.test', 'access-control-request-method': 'PUT' }
  return [await http.client().call('OPTIONS', route ? pathOf(route) : '/', { sent: 'a preflight', headers })]
}

async function provokeGuards(
  _context: Context,
  { actors }: NonNullable<Context['service']>,
): Promise<Answer[]> {
  const [actor, other] = await Promise.all([actors.user(), actors.user()])
  const { client, accessToken: token } = actor
  const body = { displayName: 'Report Reader', email: actor.email }
  const login = { email: actor.email, password: actor.password }
  const cookies = cookiePairsOf(await client.call('POST', `${AUTH}/login?cookie=true`, { body: login }))
  const cookie = cookies.join('; ')
  return [
    await client.call('GET', `${USERS}/me`, { sent: 'the right token', token }),
    await client.call('PUT', `${USERS}/${other.id}`, { sent: "a stranger's token", token, body }),
    await client.call('PUT', `${USERS}/${actor.id}`, { sent: "the owner's token", token, body }),
    await client.call('GET', USERS, { sent: "a user's token on an admin's route", token }),
    await client.call('GET', `${USERS}/${other.id}x`, { sent: 'an id that is none', token }),
    await client.call('POST', `${AUTH}/refresh`, {
      sent: 'a cookie without a CSRF token',
      body: {},
      headers: { cookie },
    }),
  ]
}

/** Asks each route until it refuses: those with limits of their own refuse before the client's. */
async function provokeLimits({ http }: Context, routes: readonly ObservedRoute[]): Promise<Answer[]> {
  const lists = await Promise.all(
    routes.map(async route => {
      const client = http.client()
      const options = { sent: 'one request too many', body: validBody(route) }
      for (let sent = 0; sent < OWN_LIMIT_MAX; sent += AT_ONCE) {
        const answers = await Promise.all(
          Array.from({ length: AT_ONCE }, () => client.call(route.method, pathOf(route), options)),
        )
        const refused = answers.find(({ status }) => status === 429)
        if (refused) return [refused]
      }
      return []
    }),
  )
  return lists.flat()
}

const AT_ONCE = 5
const OWN_LIMIT_MAX = 30

/** A body of the schema's own examples: what comes after validation is to be met. */
function validBody({ schemas }: ObservedRoute): Record<string, unknown> {
  const { properties = {} } = (schemas.body ?? {}) as {
    properties?: Record<string, { examples?: unknown[] }>
  }
  const examples = Object.entries(properties).map(([name, { examples: [first] = ['report'] }]) => [
    name,
    first,
  ])
  return Object.fromEntries(examples)
}
