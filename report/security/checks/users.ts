/** Security checks of users: whose profile can be changed, what others see of it, and disabled accounts. */
import type { ServiceCheck } from '../check.ts'

export const ownerOnly: ServiceCheck = {
  id: 'owner-only',
  rank: 180,
  claim: "Users cannot change another user's profile, or learn whether it exists",
  source: 'OWASP API1:2023, ASVS 5.0 §8.2.2',
  needs: 'service',
  async run({ expect, actors, api, internals }) {
    const [owner, stranger] = await Promise.all([actors.user(), actors.user()])
    const update = (sent: string, id: string, token: string) =>
      stranger.client.call(...api.to('updateProfile', id), {
        sent,
        token,
        body: { displayName: 'Changed', email: owner.email },
      })
    const refused = await update("a stranger's token", owner.id, stranger.accessToken)
    expect.status(refused, 403)
    const missing = await update('an id that no user has', crypto.randomUUID(), stranger.accessToken)
    const isSame = missing.status === refused.status && missing.json.code === refused.json.code
    expect.response(missing, 'the same refusal', isSame)
    const { rows } = await internals.query('select display_name from users where id = $1', [owner.id])
    const isKept = rows[0]?.display_name !== 'Changed'
    expect.fact("the owner's row", isKept ? 'unchanged' : 'changed', 'unchanged', isKept)
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
  claim: 'No mass assignment: role, id and similar fields refused in bodies',
  source: 'OWASP API3:2023, ASVS 5.0 §15.3.3',
  needs: 'service',
  async run({ expect, actors, api, internals, http }) {
    const actor = await actors.user()
    const readRow = async () => {
      const text = 'select to_jsonb(u)::text as row from users u where id = $1'
      return (await internals.query(text, [actor.id])).rows[0]?.row
    }
    const before = await readRow()
    const profile = { displayName: 'Changed', email: actor.email }
    for (const extra of [
      { role: 'admin' },
      { id: crypto.randomUUID() },
      { passwordHash: 'x' },
      { disabledAt: null },
    ]) {
      const updated = await actor.client.call(...api.to('updateProfile', actor.id), {
        sent: `${Object.keys(extra)} in a profile`,
        token: actor.accessToken,
        body: { ...profile, ...extra },
      })
      expect.status(updated, 400)
    }
    const registered = await http.client().call(...api.to('register'), {
      sent: 'role in a registration',
      body: { ...profile, email: actors.newEmail(), password: 'correct horse battery', role: 'admin' },
    })
    expect.status(registered, 400)
    const isKept = (await readRow()) === before
    expect.fact('the row afterwards', isKept ? 'unchanged' : 'changed', 'unchanged', isKept)
  },
}
