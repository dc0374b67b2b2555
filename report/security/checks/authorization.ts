/** Security checks of authorization over all routes: without credentials, as another user, as a user in place of an admin. */
import { NotVerified } from '../../errors.ts'
import type { ObservedRoute } from '../../observe/observation.ts'
import { isPublic, needsAdmin, needsOwner, parametersOf } from '../../routes.ts'
import { findId } from '../../service/find-id.ts'
import { itemsOf } from '../../service/objects.ts'
import { requireHonest } from '../../sweep/honest.ts'
import type { Sample } from '../../sweep/sample.ts'
import type { Expectations, ServiceCheck, ServiceContext } from '../check.ts'

const isRefusal = (status: number) => status === 401 || status === 403
const isSuccess = (status: number) => status >= 200 && status < 300
const nameOf = ({ method, url }: ObservedRoute) => `${method} ${url}`

export const guardsHold: ServiceCheck = {
  id: 'guards',
  rank: 185,
  claim:
    'Guarded routes refuse requests without valid credentials, by any method or spelling ({count} routes)',
  source: 'OWASP API2:2023, ASVS 5.0 §8.3.1',
  needs: 'service',
  async run({ expect, sweep, routes }) {
    const all = await sweep()
    const guarded = routes.filter(route => !isPublic(route))
    requireHonest(
      all,
      guarded.filter(route => !all.unreached.some(item => item.route === route)),
    )
    const ofRoutes = all.samples.filter(
      ({ route, kind }) => kind === 'credentials' && route && guarded.includes(route),
    )
    expect.samples(ofRoutes, '401 or 403', ({ response }) => isRefusal(response.status))
    const urls = new Set(guarded.map(({ url }) => url))
    const publicUrls = new Set(routes.filter(isPublic).map(({ url }) => url))
    const others = all.samples.filter(
      ({ kind, actor, path }) =>
        actor === 'anonymous' &&
        (kind === 'spelling' || kind === 'method') &&
        isOf(path, urls) &&
        !isOf(path, publicUrls),
    )
    if (others.length > 0) {
      const isHarmless = ({ method, response: { status } }: Sample) =>
        method === 'OPTIONS' || !isSuccess(status)
      expect.samples(others, 'no success', isHarmless)
    }
    return { count: String(guarded.length) }
  },
}

function isOf(path: string, urls: ReadonlySet<string>): boolean {
  const plain = path
    .toLowerCase()
    .replaceAll(/\/+/g, '/')
    .replace(/;.*|\/$/g, '')
    .replace('/report/..', '')
  return [...urls].some(url => plain.startsWith(url.split('/:', 1)[0]?.toLowerCase() ?? url))
}

export const adminOnly: ServiceCheck = {
  id: 'admin-only',
  rank: 190,
  claim: 'Admin routes refuse users ({count} routes)',
  source: 'OWASP API5:2023, ASVS 5.0 §8.2.1',
  needs: 'service',
  async run({ expect, sweep, routes: all }) {
    const routes = all.filter(needsAdmin)
    if (routes.length === 0) throw new NotVerified('no route is for admins')
    const swept = await sweep()
    requireHonest(swept, routes)
    const tries = swept.samples.filter(
      ({ route, kind }) => kind === 'rights' && route && routes.includes(route),
    )
    expect.samples(tries, '403', ({ response }) => response.status === 403)
    return { count: String(routes.length) }
  },
}

/** Paths with an id, except those that only admins may use: an object of another user can be named there. */
const isOfObject = (route: ObservedRoute) =>
  !isPublic(route) && !needsAdmin(route) && parametersOf(route).length > 0

export const objectsOfOthers: ServiceCheck = {
  id: 'objects-of-others',
  rank: 181,
  claim: 'Objects of other users cannot be read, changed or removed ({count} routes with an id)',
  source: 'OWASP API1:2023, ASVS 5.0 §8.2.2',
  needs: 'service',
  async run(context) {
    const { routes, api } = context
    const guarded = routes.filter(isOfObject)
    if (guarded.length === 0) throw new NotVerified('no guarded route has an id')
    const shared = api.config.shared ?? []
    for (const route of guarded) {
      if (!shared.includes(nameOf(route))) await tryObject(context, route)
    }
    // A list that shows an object of another user gives away what its own route refuses.
    await tryLists(context)
    return { count: String(guarded.length) }
  },
}

/** Tries the route with a real object of its owner, as another user; then as the owner, which must succeed. */
async function tryObject(
  { expect, actors, objects, routes }: ObjectContext,
  route: ObservedRoute,
): Promise<void> {
  const [owner, stranger] = await Promise.all([actors.user(), actors.user()])
  const { path, ...call } = await objects.honest(route, owner)
  const reader = routes.find(
    ({ method, url }) => method === 'GET' && url === route.url && method !== route.method,
  )
  const read = async () =>
    reader && (await owner.client.call('GET', path.split('?', 1)[0] ?? path, { token: owner.accessToken }))
  const before = await read()
  const tried = await stranger.client.call(route.method, path, {
    ...call,
    token: stranger.accessToken,
    sent: "another user's token, for a real object",
  })
  const after = await read()
  const honest = await owner.client.call(route.method, path, { ...call, sent: "the owner's token" })
  if (!isSuccess(honest.status)) {
    throw new NotVerified(`the owner's request to ${nameOf(route)} got the response ${honest.status}`)
  }
  expect.response(honest, 'a success: the control', true)
  if (route.method === 'GET' && isSuccess(tried.status) && !needsOwner(route)) {
    const isLess =
      isPart(tried.json, honest.json) && Object.keys(tried.json).length < Object.keys(honest.json).length
    expect.response(tried, 'a refusal, or less than the owner sees', isLess)
  } else {
    expect.response(tried, '403 or 404', tried.status === 403 || tried.status === 404)
  }
  if (before && after) {
    const isSame = before.status === after.status && before.text === after.text
    expect.fact(
      `what the owner reads, before and after ${nameOf(route)} by another user`,
      isSame ? 'the same' : 'changed',
      'the same',
      isSame,
    )
  }
}

type ObjectContext = ServiceContext & { expect: Expectations }

function isPart(some: Record<string, unknown>, all: Record<string, unknown>): boolean {
  return Object.entries(some).every(([name, value]) => JSON.stringify(all[name]) === JSON.stringify(value))
}

/** Lists that every user may read: another user's objects must not be in them, with any filter or cursor. */
async function tryLists({ expect, actors, objects, routes }: ObjectContext): Promise<void> {
  const lists = routes.filter(
    route =>
      route.method === 'GET' && !isPublic(route) && !needsAdmin(route) && parametersOf(route).length === 0,
  )
  for (const list of lists) {
    const [owner, stranger] = await Promise.all([actors.user(), actors.user()])
    for (let count = 0; count < 3; count++) await objects.create(list.url, owner)
    const own = await owner.client.call('GET', `${list.url}?limit=1`, {
      token: owner.accessToken,
      sent: 'the own list',
    })
    const all = await owner.client.call('GET', list.url, { token: owner.accessToken, sent: 'the own list' })
    const ids = itemsOf(all.json).flatMap(item => findId(item) ?? [])
    if (ids.length === 0) continue
    const names = Object.keys(
      (list.schemas.querystring as { properties?: object } | undefined)?.properties ?? {},
    )
    const cursor = String(Object.entries(own.json).find(([name]) => /cursor|next/i.test(name))?.[1] ?? '')
    const queries = [
      '',
      '?limit=100',
      ...names
        .filter(name => /cursor|after|before/i.test(name))
        .map(name => `?${name}=${encodeURIComponent(cursor)}`),
      `?userId=${owner.id}`,
      `?ownerId=${owner.id}`,
      `?user_id=${owner.id}`,
    ]
    for (const query of queries) {
      const seen = await stranger.client.call('GET', `${list.url}${query}`, {
        token: stranger.accessToken,
        sent: query.includes('ursor')
          ? "another user's token, with the owner's cursor"
          : "another user's token",
      })
      expect.response(seen, "none of the owner's objects", !ids.some(id => seen.text.includes(id)))
    }
  }
}
