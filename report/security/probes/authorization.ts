/** Probes of authorization: owners, admins, and fields that are not for everybody. */
import { AUTH, claimsOf, USERS } from '../actors.ts'
import type { ServiceProbe } from '../probe.ts'

export const ownerOnly: ServiceProbe = {
  id: 'owner-only',
  claim: "Nobody changes another's profile, or learns whether it exists",
  source: 'OWASP API1:2023, ASVS 5.0 §8.2.2',
  needs: 'service',
  async probe({ checks, actors, internals }) {
    const [owner, stranger] = await Promise.all([actors.user(), actors.user()])
    const update = (sent: string, id: string, token: string, email: string) =>
      stranger.client.call('PUT', `${USERS}/${id}`, { sent, token, body: { displayName: 'Changed', email } })
    const refused = await update("a stranger's token", owner.id, stranger.accessToken, owner.email)
    checks.status(refused, 403)
    const missing = await update(
      'an id that nobody has',
      crypto.randomUUID(),
      stranger.accessToken,
      owner.email,
    )
    checks.answer(
      missing,
      'the same refusal',
      missing.status === refused.status && missing.json.code === refused.json.code,
    )
    const { rows } = await internals.query('select display_name from users where id = $1', [owner.id])
    const isKept = rows[0]?.display_name !== 'Changed'
    checks.fact("the owner's row", isKept ? 'unchanged' : 'changed', 'unchanged', isKept)
    checks.status(await update("the owner's token", owner.id, owner.accessToken, owner.email), 200)
  },
}

export const adminOnly: ServiceProbe = {
  id: 'admin-only',
  claim: 'Admin routes refuse users ({count} routes)',
  source: 'OWASP API5:2023, ASVS 5.0 §8.2.1',
  needs: 'service',
  async probe({ checks, actors, routes: observed }) {
    const [user, admin] = await Promise.all([actors.user(), actors.admin()])
    const routes = observed.filter(({ guard }) => guard === 'JWT + admin')
    checks.fact(
      'routes that say that they are for admins',
      String(routes.length),
      '1 or more',
      routes.length > 0,
    )
    for (const { method, url } of routes) {
      const path = url.replace(':id', user.id)
      checks.status(
        await user.client.call(method, path, { sent: "a user's token", token: user.accessToken }),
        403,
      )
    }
    const token = admin.accessToken
    checks.status(await admin.client.call('GET', USERS, { sent: "an admin's token", token }), 200)
    return { count: String(routes.length) }
  },
}

export const disabledAccounts: ServiceProbe = {
  id: 'disabled-accounts',
  claim: 'A disabled account cannot log in, refresh, or use the tokens it has',
  source: 'ASVS 5.0 §7.4.2',
  needs: 'service',
  async probe({ checks, actors }) {
    const [admin, user] = await Promise.all([actors.admin(), actors.user()])
    const { client, email, password, accessToken, refreshToken } = user
    const sent = "an admin's token"
    const path = `${USERS}/${user.id}/disable`
    checks.status(await admin.client.call('POST', path, { sent, token: admin.accessToken }), 204)
    const used = await client.call('GET', `${USERS}/me`, { sent: 'the access token', token: accessToken })
    checks.status(used, 401)
    const refreshed = { sent: 'the refresh token', body: { refreshToken } }
    checks.status(await client.call('POST', `${AUTH}/refresh`, refreshed), 401)
    const login = { sent: 'the right password', body: { email, password } }
    checks.status(await client.call('POST', `${AUTH}/login`, login), 401)
  },
}

export const privateFields: ServiceProbe = {
  id: 'private-fields',
  claim: 'E-mail address and role of others not shown',
  source: 'OWASP API3:2023',
  needs: 'service',
  async probe({ checks, actors }) {
    const [owner, stranger] = await Promise.all([actors.user(), actors.user()])
    const read = (sent: string, token: string) =>
      stranger.client.call('GET', `${USERS}/${owner.id}`, { sent, token })
    const seen = await read("a stranger's token", stranger.accessToken)
    const isAlone = Object.keys(seen.json).sort().join() === 'createdAt,displayName,id'
    const isHidden = isAlone && !seen.text.includes(owner.email)
    checks.answer(seen, 'id, displayName and createdAt alone', seen.status === 200 && isHidden)
    const own = await read("the owner's token", owner.accessToken)
    checks.answer(own, 'the e-mail address too', own.json.email === owner.email)
  },
}

export const otherSessions: ServiceProbe = {
  id: 'other-sessions',
  claim: "Nobody ends another's session",
  source: 'OWASP API1:2023',
  needs: 'service',
  async probe({ checks, actors }) {
    const [owner, stranger] = await Promise.all([actors.user(), actors.user()])
    const session = String(claimsOf(owner.accessToken).sid)
    const end = (sent: string, token: string) =>
      stranger.client.call('DELETE', `${AUTH}/sessions/${session}`, { sent, token })
    checks.status(await end("a stranger's token", stranger.accessToken), 404)
    const sent = "the owner's access token"
    const read = () => owner.client.call('GET', `${USERS}/me`, { sent, token: owner.accessToken })
    checks.status(await read(), 200)
    checks.status(await end("the owner's token", owner.accessToken), 204)
    checks.status(await read(), 401)
  },
}

export const massAssignment: ServiceProbe = {
  id: 'mass-assignment',
  claim: 'No mass assignment: role, id and the like refused in bodies',
  source: 'OWASP API3:2023, ASVS 5.0 §15.3.3',
  needs: 'service',
  async probe({ checks, actors, internals, http }) {
    const actor = await actors.user()
    const state = async () => {
      const text = 'select to_jsonb(u)::text as row from users u where id = $1'
      return (await internals.query(text, [actor.id])).rows[0]?.row
    }
    const before = await state()
    const profile = { displayName: 'Changed', email: actor.email }
    for (const extra of [
      { role: 'admin' },
      { id: crypto.randomUUID() },
      { passwordHash: 'x' },
      { disabledAt: null },
    ]) {
      const sent = `${Object.keys(extra)} in a profile`
      const options = { sent, token: actor.accessToken, body: { ...profile, ...extra } }
      checks.status(await actor.client.call('PUT', `${USERS}/${actor.id}`, options), 400)
    }
    const body = { ...profile, email: actors.newEmail(), password: 'correct horse battery', role: 'admin' }
    const registered = await http
      .client()
      .call('POST', `${AUTH}/register`, { sent: 'role in a registration', body })
    checks.status(registered, 400)
    const isKept = (await state()) === before
    checks.fact('the row afterwards', isKept ? 'unchanged' : 'changed', 'unchanged', isKept)
  },
}
