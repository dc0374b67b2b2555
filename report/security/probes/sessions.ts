/** Probes of sessions: rotation, reuse, logout, and what is stored of a token. */
import { createHash } from 'node:crypto'
import { type Answer, cookiePairsOf, cookiesOf } from '../../http.ts'
import { type Actor, AUTH, tokensOf, USERS } from '../actors.ts'
import { type Checks, NotVerified, type ServiceProbe } from '../probe.ts'

const refresh = ({ client }: Pick<Actor, 'client'>, refreshToken: string, sent: string) =>
  client.call('POST', `${AUTH}/refresh`, { sent, body: { refreshToken } })

const readSelf = ({ client }: Pick<Actor, 'client'>, token: string, sent: string) =>
  client.call('GET', `${USERS}/me`, { sent, token })

export const refreshRotation: ServiceProbe = {
  id: 'refresh-rotation',
  claim: 'Refresh tokens rotate on every use',
  source: 'RFC 9700 §4.14.2, ASVS 5.0 §10.4.5',
  needs: 'service',
  async probe({ checks, actors }) {
    const actor = await actors.user()
    const first = await refresh(actor, actor.refreshToken, 'a fresh refresh token')
    checks.status(first, 200)
    const next = tokensOf(first)
    checks.fact(
      'the refresh token that came back',
      next.refreshToken === actor.refreshToken ? 'the same' : 'another',
      'another',
      next.refreshToken !== actor.refreshToken,
    )
    checks.status(await readSelf(actor, next.accessToken, 'the new access token'), 200)
    checks.status(await refresh(actor, next.refreshToken, 'the new refresh token'), 200)
  },
}

export const refreshReuse: ServiceProbe = {
  id: 'refresh-reuse',
  claim: 'Reuse of a refresh token ends the session, its access tokens included',
  source: 'RFC 9700 §4.14.2',
  needs: 'service',
  async probe({ checks, actors, internals }) {
    const actor = await actors.user()
    const second = tokensOf(await refresh(actor, actor.refreshToken, 'the first token'))
    const third = tokensOf(await refresh(actor, second.refreshToken, 'its successor'))
    checks.status(await refresh(actor, actor.refreshToken, 'the first token again'), 401)
    checks.status(await refresh(actor, third.refreshToken, 'the newest token'), 401)
    checks.status(await readSelf(actor, third.accessToken, 'the newest access token'), 401)
    const { rows } = await internals.query(
      `select count(*)::int as count from audit_events where type = 'refresh.reused' and user_id = $1`,
      [actor.id],
    )
    checks.fact('audit rows of the reuse', String(rows[0].count), '1 or more', rows[0].count >= 1)
  },
}

export const refreshRace: ServiceProbe = {
  id: 'refresh-race',
  claim: 'Parallel refreshes of one token have one successor ({parallel} at once)',
  source: 'RFC 9700 §4.14.2',
  needs: 'service',
  async probe({ checks, actors }) {
    const actor = await actors.user()
    const parallel = 12
    const answers = await Promise.all(
      Array.from({ length: parallel }, () =>
        refresh(actor, actor.refreshToken, 'the same token, in parallel'),
      ),
    )
    const successors = new Set(answers.flatMap(({ json }) => (json.refreshToken as string | undefined) ?? []))
    const failures = answers.filter(({ status }) => status >= 500).length
    checks.fact('different successors', String(successors.size), '1', successors.size === 1)
    checks.fact('server errors', String(failures), '0', failures === 0)
    return { parallel: String(parallel) }
  },
}

export const logout: ServiceProbe = {
  id: 'logout',
  claim: 'Logout ends the access token and the refresh token at once',
  source: 'ASVS 5.0 §7.4.1',
  needs: 'service',
  async probe({ checks, actors }) {
    const actor = await actors.user()
    checks.status(await readSelf(actor, actor.accessToken, 'the access token before'), 200)
    const { client, accessToken: token } = actor
    checks.status(await client.call('POST', `${AUTH}/logout`, { sent: 'the access token', token }), 204)
    await expectEnded(checks, actor)
  },
}

export const passwordChange: ServiceProbe = {
  id: 'password-change',
  claim: 'A password change asks for the old one and ends the other sessions',
  source: 'ASVS 5.0 §6.2.3, §7.4.3',
  needs: 'service',
  async probe({ checks, actors }) {
    const actor = await actors.user()
    const other = { ...actor, ...(await actors.logIn(actor)) }
    const change = (sent: string, currentPassword: string) =>
      actor.client.call('PUT', `${AUTH}/password`, {
        ...{ sent, token: actor.accessToken },
        body: { currentPassword, newPassword: `${actor.password}-new` },
      })
    checks.status(await change('a wrong old password', `${actor.password}-wrong`), 403)
    checks.status(await change('the old password', actor.password), 204)
    await expectEnded(checks, other)
    checks.status(await readSelf(actor, actor.accessToken, 'the session that made the change'), 200)
  },
}

async function expectEnded(checks: Checks, actor: Actor): Promise<void> {
  checks.status(await readSelf(actor, actor.accessToken, 'the access token of the ended session'), 401)
  checks.status(await refresh(actor, actor.refreshToken, 'the refresh token of the ended session'), 401)
}

export const refreshStorage: ServiceProbe = {
  id: 'refresh-storage',
  claim: 'Refresh tokens stored as hashes only',
  source: 'ASVS 5.0 §11.4.1, RFC 9700 §4.14',
  needs: 'service',
  async probe({ checks, actors, internals }) {
    const actor = await actors.user()
    const { rows } = await internals.query(
      'select to_jsonb(t)::text as row, token_hash from refresh_tokens t',
    )
    const hash = createHash('sha256').update(actor.refreshToken).digest()
    const isHashed = rows.some(({ token_hash }) => hash.equals(token_hash))
    const raw = Buffer.from(actor.refreshToken).toString('hex')
    const isPlain = rows.some(({ row }) => row.includes(actor.refreshToken) || row.includes(raw))
    checks.fact('rows with the SHA-256 of an issued token', isHashed ? 'found' : 'none', 'found', isHashed)
    checks.fact('rows with the token itself', isPlain ? 'found' : 'none', 'none', !isPlain)
  },
}

export const refreshCookie: ServiceProbe = {
  id: 'refresh-cookie',
  claim:
    'Refresh cookie is __Host-, HttpOnly, Secure and SameSite=Strict, and asks for the CSRF token of its session',
  source: 'ASVS 5.0 §3.3.1, §3.3.2, §3.3.4, §3.5.1',
  needs: 'service',
  async probe({ checks, actors }) {
    const { client, email, password } = await actors.user()
    const logIn = () => client.call('POST', `${AUTH}/login?cookie=true`, { body: { email, password } })
    const [login, other] = [await logIn(), await logIn()]
    expectFlags(checks, 'a login', login)
    const cookie = cookiePairsOf(login).join('; ')
    const byCookie = (sent: string, headers: Record<string, string>) =>
      client.call('POST', `${AUTH}/refresh`, { sent, body: {}, headers: { cookie, ...headers } })
    const csrf = (token: unknown) => ({ 'x-csrf-token': String(token) })
    checks.status(await byCookie('the cookie without a CSRF token', {}), 403)
    checks.status(await byCookie('the cookie with a made-up CSRF token', csrf('made-up')), 403)
    checks.status(await byCookie("the cookie with another session's token", csrf(other.json.csrfToken)), 403)
    const twice = await client.call('POST', `${AUTH}/refresh`, {
      sent: "two cookies, the second of another session, with the first one's token",
      body: {},
      headers: { cookie: `${cookie}; ${cookiePairsOf(other).join('; ')}`, ...csrf(login.json.csrfToken) },
    })
    checks.status(twice, 401)
    const reloaded = await client.call('GET', `${AUTH}/csrf`, {
      sent: 'the cookie alone',
      headers: { cookie },
    })
    const isSame = reloaded.status === 200 && reloaded.json.csrfToken === login.json.csrfToken
    checks.answer(reloaded, '200, and the CSRF token of the session', isSame)
    checks.status(await client.call('GET', `${AUTH}/csrf`, { sent: 'no cookie' }), 401)
    const refreshed = await byCookie('the cookie with the CSRF token', csrf(login.json.csrfToken))
    checks.status(refreshed, 200)
    expectFlags(checks, 'a refresh', refreshed)
    const token = String(refreshed.json.accessToken)
    const logout = await client.call('POST', `${AUTH}/logout`, { token, headers: { cookie } })
    const isCleared = cookiesOf(logout).some(text => /^__Host-refresh=;.*Expires=Thu, 01 Jan 1970/.test(text))
    checks.answer(logout, '204, and the cookie is cleared', logout.status === 204 && isCleared)
  },
}

function expectFlags(checks: Checks, of: string, answer: Answer): void {
  const cookie = cookiesOf(answer).find(text => text.startsWith('__Host-refresh='))
  if (cookie === undefined) throw new NotVerified(`${of} in browser mode set no refresh cookie`)
  for (const flag of ['HttpOnly', 'Secure', 'SameSite=Strict', 'Path=/']) {
    const isThere = cookie.split('; ').includes(flag)
    checks.fact(`${flag} on the cookie of ${of}`, isThere ? 'set' : 'not set', 'set', isThere)
  }
}
