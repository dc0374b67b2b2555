/** Security checks of users: whose profile can be changed, what others see of it, and disabled accounts. */

import { NotVerified } from '../../errors.ts'
import type { HttpResponse } from '../../http.ts'
import { acceptsText, type JsonSchema } from '../../json-schema.ts'
import type { ObservedRoute } from '../../observe/observation.ts'
import { hasBody, isPublic, needsAdmin, pathOf } from '../../routes.ts'
import { bodyProperties } from '../../service/roles.ts'
import type { Actor } from '../actors.ts'
import type { ServiceCheck, ServiceContext } from '../check.ts'
import { columnsOf, rowsWith, tablesOf } from '../rows.ts'

export const ownerOnly: ServiceCheck = {
  id: 'owner-only',
  rank: 180,
  claim: "Users cannot change another user's profile, or learn whether it exists",
  source: 'OWASP API1:2023, ASVS 5.0 §8.2.2',
  needs: 'service',
  async run({ expect, actors, api }) {
    const [owner, stranger] = await Promise.all([actors.user(), actors.user()])
    const route = api.route('updateProfile')
    const { properties = {} } = (route.schemas.body ?? {}) as JsonSchema
    const field = Object.keys(properties).find(name => acceptsText(properties[name] ?? {}, 'Changed'))
    const body = api.body(route, owner, field === undefined ? {} : { [field]: 'Changed' })
    const update = (sent: string, id: string, token: string) =>
      stranger.client.call(...api.to('updateProfile', id), { sent, token, body })
    const read = () =>
      owner.client.call(...api.to('profile', owner.id), {
        sent: "the owner's own profile",
        token: owner.accessToken,
      })
    const before = await read()
    const refused = await update("a stranger's token", owner.id, stranger.accessToken)
    expect.status(refused, 403)
    const missing = await update('an id that no user has', crypto.randomUUID(), stranger.accessToken)
    const isSame = missing.status === refused.status && missing.json.code === refused.json.code
    expect.response(missing, 'the same refusal', isSame)
    const after = await read()
    expect.response(after, 'the profile as it was', after.status === 200 && after.text === before.text)
    expect.status(await update("the owner's token", owner.id, owner.accessToken), 200)
  },
}

export const disabledAccounts: ServiceCheck = {
  id: 'disabled-accounts',
  rank: 200,
  claim: 'A disabled account cannot log in, refresh, or use the tokens it has',
  source: 'ASVS 5.0 §7.4.2',
  needs: 'service',
  async run({ expect, actors, api }) {
    const [admin, user] = await Promise.all([actors.admin(), actors.user()])
    const { client, email, password, accessToken, refreshToken } = user
    const disabled = await admin.client.call(...api.to('disable', user.id), {
      sent: "an admin's token",
      token: admin.accessToken,
    })
    expect.status(disabled, 204)
    const used = await client.call(...api.to('me'), { sent: 'the access token', token: accessToken })
    expect.status(used, 401)
    const refreshed = { sent: 'the refresh token', body: { refreshToken } }
    expect.status(await client.call(...api.to('refresh'), refreshed), 401)
    const login = { sent: 'the right password', body: { email, password } }
    expect.status(await client.call(...api.to('login'), login), 401)
  },
}

export const privateFields: ServiceCheck = {
  id: 'private-fields',
  rank: 210,
  claim: 'E-mail address and role of others not shown',
  source: 'OWASP API3:2023',
  needs: 'service',
  async run({ expect, actors, api }) {
    const [owner, stranger] = await Promise.all([actors.user(), actors.user()])
    const read = (sent: string, token: string) =>
      stranger.client.call(...api.to('profile', owner.id), { sent, token })
    const seen = await read("a stranger's token", stranger.accessToken)
    const isPublicOnly = Object.keys(seen.json).sort().join() === 'createdAt,displayName,id'
    const isHidden = isPublicOnly && !seen.text.includes(owner.email)
    expect.response(seen, 'only id, displayName and createdAt', seen.status === 200 && isHidden)
    const own = await read("the owner's token", owner.accessToken)
    expect.response(own, 'the e-mail address too', own.json.email === owner.email)
  },
}

export const massAssignment: ServiceCheck = {
  id: 'mass-assignment',
  rank: 230,
  claim: 'No mass assignment: role, id and similar fields refused in bodies ({count} routes)',
  source: 'OWASP API3:2023, ASVS 5.0 §15.3.3',
  needs: 'service',
  async run(context) {
    const { expect, actors, internals, routes, http } = context
    const taken = routes.filter(
      route => hasBody(route.method) && bodyProperties(route).length > 0 && !needsAdmin(route),
    )
    const columns = (await columnsOf(internals.query)).map(({ column }) => column)
    const actor = await actors.user()
    const find = async () =>
      (await rowsWith(internals.query, tablesOf(await columnsOf(internals.query)), [actor.id]))
        .filter(({ row }) => row.id === actor.id)
        .map(({ text }) => text)
        .join()
    const before = await find()
    const accepted: HttpResponse[] = []
    for (const route of taken) {
      const honest = await bodyOf(context, route, actor)
      const { body, path, token } = honest
      const send = (sent: string, fields: Record<string, unknown>) =>
        http.client().call(route.method, path, {
          sent,
          body: { ...body, ...fields },
          ...(token !== undefined && { token }),
        })
      for (const [sent, fields] of Object.entries(extraFields(columns, bodyProperties(route)))) {
        const refused = await send(`${sent} in a body`, fields)
        if (refused.status !== 400 && refused.status !== 422) accepted.push(refused)
      }
    }
    for (const response of accepted.slice(0, MAX_SHOWN)) expect.response(response, '400', false)
    const found = accepted.length === 0 ? 'none' : String(accepted.length)
    expect.fact('bodies with further fields that were not refused', found, 'none', accepted.length === 0)
    const isKept = (await find()) === before
    expect.fact('the row afterwards', isKept ? 'unchanged' : 'changed', 'unchanged', isKept)
    for (const route of taken) {
      const { body, path, token } = await bodyOf(context, route, await actors.user())
      const control = await http.client().call(route.method, path, {
        sent: 'the same body without further fields',
        body,
        ...(token !== undefined && { token }),
      })
      if (control.status >= 300)
        throw new NotVerified(`the control, ${route.method} ${route.url}, had ${control.status}`)
      expect.response(control, 'a success: the control', true)
    }
    return { count: String(taken.length) }
  },
}

const MAX_SHOWN = 20

/** Returns a valid request of an account; a registration is of an address that is free. */
async function bodyOf({ api, actors, objects }: ServiceContext, route: ObservedRoute, actor: Actor) {
  if (!isPublic(route) && route !== api.found.refresh) return objects.honest(route, actor)
  const isRegistration = route === api.found.register
  const person = isRegistration ? { email: actors.newEmail(), password: 'tidal-ember-47-quartz' } : actor
  return { path: pathOf(route), body: api.body(route, person), token: undefined }
}

/** Fields that are rights or identity in most services, whether or not there is a column of the name. */
const COMMON = [
  'role',
  'roles',
  'isAdmin',
  'admin',
  'permissions',
  'id',
  'userId',
  'ownerId',
  'verified',
  'passwordHash',
]

/** Returns each column that is no field of the body, in two spellings and nested, with a value that would change it. */
function extraFields(
  columns: readonly string[],
  own: readonly string[],
): Record<string, Record<string, unknown>> {
  const camel = (name: string) => name.replaceAll(/_(\w)/g, (_all, letter: string) => letter.toUpperCase())
  const names = [...new Set([...COMMON, ...columns, ...columns.map(camel)])].filter(
    name => !own.includes(name),
  )
  const flat = names.map((name): [string, Record<string, unknown>] => [name, { [name]: valueFor(name) }])
  const nested = ['user', 'profile', 'data', 'attributes'].map((name): [string, Record<string, unknown>] => [
    `role in ${name}`,
    { [name]: { role: 'admin', isAdmin: true } },
  ])
  return Object.fromEntries([...flat, ...nested.filter(([, fields]) => !own.some(name => name in fields))])
}

function valueFor(name: string): unknown {
  if (/role/i.test(name)) return 'admin'
  if (/^(is|has)|admin|verified/i.test(name)) return true
  if (/(_at|At)$/.test(name)) return '2000-01-01T00:00:00.000Z'
  return /id$/i.test(name) ? crypto.randomUUID() : 'x'
}
