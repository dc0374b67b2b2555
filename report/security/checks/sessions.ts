/** Security checks of sessions: rotation, reuse, cookies, logout, and how refresh tokens are stored. */
import { createHash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { NotVerified } from '../../errors.ts'
import { cookiePairsOf, cookiesOf, createHttp, type Http, type HttpResponse } from '../../http.ts'
import type { Api } from '../../service/api.ts'
import { IDENTITY } from '../../service/roles.ts'
import type { Sample } from '../../sweep/sample.ts'
import { type Actor, claimsOf, tokensOf } from '../actors.ts'
import type { Expectations, ServiceCheck, ServiceContext } from '../check.ts'
import { type Column, columnsOf, rowsWith, tablesOf } from '../rows.ts'
import {
  bodyVariations,
  emailVariations,
  headerVariations,
  type Mentioned,
  pathVariations,
  queryVariations,
  readMentioned,
  type Variation,
} from '../variations.ts'

const refresh = (api: Api, { client }: Pick<Actor, 'client'>, refreshToken: string, sent: string) =>
  client.call(...api.to('refresh'), { sent, body: { refreshToken } })

const readSelf = (api: Api, { client }: Pick<Actor, 'client'>, token: string, sent: string) =>
  client.call(...api.to('me'), { sent, token })

export const refreshRotation: ServiceCheck = {
  id: 'refresh-rotation',
  rank: 110,
  claim: 'Refresh tokens rotate on every use',
  source: 'RFC 9700 §4.14.2, ASVS 5.0 §10.4.5',
  needs: 'service',
  async run({ expect, actors, api }) {
    const actor = await actors.user()
    const first = await refresh(api, actor, actor.refreshToken, 'a fresh refresh token')
    expect.status(first, 200)
    const next = tokensOf(first)
    const isNew = next.refreshToken !== actor.refreshToken
    expect.fact('the refresh token in the response', isNew ? 'another' : 'the same', 'another', isNew)
    expect.status(await readSelf(api, actor, next.accessToken, 'the new access token'), 200)
    expect.status(await refresh(api, actor, next.refreshToken, 'the new refresh token'), 200)
  },
}

export const refreshReuse: ServiceCheck = {
  id: 'refresh-reuse',
  rank: 120,
  claim: 'Reuse of a refresh token ends the session, its access tokens included',
  source: 'RFC 9700 §4.14.2',
  needs: 'service',
  async run({ expect, actors, api, internals }) {
    const actor = await actors.user()
    const second = tokensOf(await refresh(api, actor, actor.refreshToken, 'the first token'))
    const third = tokensOf(await refresh(api, actor, second.refreshToken, 'its successor'))
    expect.status(await refresh(api, actor, actor.refreshToken, 'the first token again'), 401)
    expect.status(await refresh(api, actor, third.refreshToken, 'the newest token'), 401)
    expect.status(await readSelf(api, actor, third.accessToken, 'the newest access token'), 401)
    const { rows } = await internals.query(
      `select count(*)::int as count from audit_events where type = 'refresh.reused' and user_id = $1`,
      [actor.id],
    )
    expect.fact('audit rows of the reuse', String(rows[0].count), '1 or more', rows[0].count >= 1)
  },
}

export const refreshRace: ServiceCheck = {
  id: 'refresh-race',
  rank: 130,
  claim: 'Parallel refreshes of one token have one successor ({parallel} at once)',
  source: 'RFC 9700 §4.14.2',
  needs: 'service',
  async run({ expect, actors, api }) {
    const actor = await actors.user()
    const parallel = 12
    const responses = await Promise.all(
      Array.from({ length: parallel }, () =>
        refresh(api, actor, actor.refreshToken, 'the same token, in parallel'),
      ),
    )
    const successors = new Set(
      responses.flatMap(({ json }) => (json.refreshToken as string | undefined) ?? []),
    )
    const failures = responses.filter(({ status }) => status >= 500).length
    expect.fact('different successors', String(successors.size), '1', successors.size === 1)
    expect.fact('server errors', String(failures), '0', failures === 0)
    return { parallel: String(parallel) }
  },
}

export const refreshStorage: ServiceCheck = {
  id: 'refresh-storage',
  rank: 140,
  claim: 'Refresh tokens stored as hashes only',
  source: 'ASVS 5.0 §11.4.1, RFC 9700 §4.14',
  needs: 'service',
  async run({ expect, actors, api, internals: { query }, sweep }) {
    const actor = await actors.user()
    const body = api.body(api.route('refresh'), actor)
    const successor = tokensOf(await actor.client.call(...api.to('refresh'), { body })).refreshToken
    // By then all routes that issue tokens have issued some.
    await sweep()
    const tokens = [...actors.issued.refreshTokens, successor].filter(token => token !== '')
    if (tokens.length === 0) throw new NotVerified('no refresh token was issued')
    const tables = tablesOf(await columnsOf(query))
    const hashes = [actor.refreshToken, successor].map(token => createHash('sha256').update(token).digest())
    const stored = await Promise.all(
      hashes.map(hash =>
        rowsWith(query, tables, [hash.toString('hex'), hash.toString('base64'), hash.toString('base64url')]),
      ),
    )
    const isHashed = stored.every(rows => rows.length > 0)
    const forms = tokens.flatMap(token => [
      token,
      Buffer.from(token).toString('hex'),
      Buffer.from(token).toString('base64'),
    ])
    const plain = await rowsWith(query, tables, forms)
    expect.fact('rows with the SHA-256 of an issued token', isHashed ? 'found' : 'none', 'found', isHashed)
    expect.fact('rows with a token itself', plain.length > 0 ? 'found' : 'none', 'none', plain.length === 0)
  },
}

export const refreshCookie: ServiceCheck = {
  id: 'refresh-cookie',
  rank: 150,
  claim:
    'Refresh cookie is __Host-, HttpOnly, Secure and SameSite=Strict, and asks for the CSRF token of its session',
  source: 'ASVS 5.0 §3.3.1, §3.3.2, §3.3.4, §3.5.1',
  needs: 'service',
  async run({ expect, actors, api, sweep }) {
    const { client, email, password } = await actors.user()
    const logIn = () =>
      client.call(...api.to('login', undefined, '?cookie=true'), { body: { email, password } })
    const [login, other] = [await logIn(), await logIn()]
    expectFlags(expect, 'a login', login)
    const cookie = cookiePairsOf(login).join('; ')
    const byCookie = (sent: string, headers: Record<string, string>) =>
      client.call(...api.to('refresh'), { sent, body: {}, headers: { cookie, ...headers } })
    const csrf = (token: unknown) => ({ 'x-csrf-token': String(token) })
    const isInBody = login.text.includes(cookie.slice(cookie.indexOf('=') + 1))
    expect.response(login, 'the refresh token in the cookie only', !isInBody)
    for (const [what, headers] of Object.entries(FOREIGN_PAGES)) {
      expect.status(await byCookie(`the cookie without a CSRF token, ${what}`, headers), 403)
    }
    expect.status(await byCookie('the cookie with an invented CSRF token', csrf('invented')), 403)
    expect.status(await byCookie("the cookie with another session's token", csrf(other.json.csrfToken)), 403)
    const twice = await client.call(...api.to('refresh'), {
      sent: "two cookies, the second of another session, with the first one's token",
      body: {},
      headers: { cookie: `${cookie}; ${cookiePairsOf(other).join('; ')}`, ...csrf(login.json.csrfToken) },
    })
    expect.status(twice, 401)
    const reloaded = await client.call(...api.to('csrf'), {
      sent: 'the cookie alone',
      headers: { cookie },
    })
    const isSame = reloaded.status === 200 && reloaded.json.csrfToken === login.json.csrfToken
    expect.response(reloaded, '200, and the CSRF token of the session', isSame)
    expect.status(await client.call(...api.to('csrf'), { sent: 'no cookie' }), 401)
    const refreshed = await byCookie('the cookie with the CSRF token', csrf(login.json.csrfToken))
    expect.status(refreshed, 200)
    expectFlags(expect, 'a refresh', refreshed)
    const { samples } = await sweep()
    const withCookies = samples.filter(({ response }) => cookiesOf(response).length > 0)
    for (const { response } of withCookies) {
      const weak = cookiesOf(response).filter(text => isSecretCookie(text) && !hasFlags(text))
      if (weak.length > 0) expect.response(response, 'HttpOnly, Secure and SameSite on each cookie', false)
    }
    const token = String(refreshed.json.accessToken)
    const loggedOut = await client.call(...api.to('logout'), { token, headers: { cookie } })
    const [name = ''] = cookie.split('=', 1)
    const isCleared = cookiesOf(loggedOut).some(
      text => text.startsWith(`${name}=;`) && /Expires=Thu, 01 Jan 1970|Max-Age=0/i.test(text),
    )
    expect.response(loggedOut, '204, and the cookie is cleared', loggedOut.status === 204 && isCleared)
  },
}

/** Headers of requests that a page of another site can make a browser send. */
const FOREIGN_PAGES: Record<string, Record<string, string>> = {
  'without further headers': {},
  'with an origin': { origin: 'https://attacker.report.test' },
  'with the origin null': { origin: 'null' },
  'with a referer': { referer: 'https://attacker.report.test/' },
  'from another site': { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors' },
  'with X-Requested-With': { 'x-requested-with': 'XMLHttpRequest' },
  'with an empty CSRF token': { 'x-csrf-token': '' },
}

function hasFlags(cookie: string): boolean {
  return /; *httponly/i.test(cookie) && /; *secure/i.test(cookie) && /; *samesite=(strict|lax)/i.test(cookie)
}

function expectFlags(expect: Expectations, of: string, response: HttpResponse): void {
  const cookie = cookiesOf(response).find(text => text.startsWith('__Host-'))
  if (cookie === undefined) throw new NotVerified(`${of} in browser mode set no refresh cookie`)
  for (const flag of ['HttpOnly', 'Secure', 'SameSite=Strict', 'Path=/']) {
    const isSet = cookie.split('; ').includes(flag)
    expect.fact(`${flag} on the cookie of ${of}`, isSet ? 'set' : 'not set', 'set', isSet)
  }
}

export const logout: ServiceCheck = {
  id: 'logout',
  rank: 160,
  claim: 'Logout ends the access token and the refresh token at once',
  source: 'ASVS 5.0 §7.4.1',
  needs: 'service',
  async run({ expect, actors, api }) {
    const actor = await actors.user()
    expect.status(await readSelf(api, actor, actor.accessToken, 'the access token before'), 200)
    const { client, accessToken: token } = actor
    expect.status(await client.call(...api.to('logout'), { sent: 'the access token', token }), 204)
    await expectEnded(api, expect, actor)
  },
}

export const passwordChange: ServiceCheck = {
  id: 'password-change',
  rank: 170,
  claim: 'A password change asks for the old one and ends the other sessions',
  source: 'ASVS 5.0 §6.2.3, §7.4.3',
  needs: 'service',
  async run({ expect, actors, api }) {
    const actor = await actors.user()
    const other = { ...actor, ...(await actors.logIn(actor)) }
    const change = (sent: string, currentPassword: string) =>
      actor.client.call(...api.to('changePassword'), {
        sent,
        token: actor.accessToken,
        body: { currentPassword, newPassword: `${actor.password}-new` },
      })
    expect.status(await change('a wrong old password', `${actor.password}-wrong`), 403)
    expect.status(await change('the old password', actor.password), 204)
    await expectEnded(api, expect, other)
    expect.status(await readSelf(api, actor, actor.accessToken, 'the session that made the change'), 200)
  },
}

async function expectEnded(api: Api, expect: Expectations, actor: Actor): Promise<void> {
  expect.status(await readSelf(api, actor, actor.accessToken, 'the access token of the ended session'), 401)
  expect.status(await refresh(api, actor, actor.refreshToken, 'the refresh token of the ended session'), 401)
}

/** A session that lives longer is one that never ends in practice. ASVS 5.0 §7.3.2 asks for a documented maximum. */
const MAX_SESSION_DAYS = 366

/** Names of columns that say when something ends. */
const END_COLUMN = /expire|expir(y|ation)|valid_?(until|to)|ends?_at/i

export const sessionExpiry: ServiceCheck = {
  id: 'session-expiry',
  rank: 165,
  claim:
    'Sessions whose end has passed refuse the refresh token; no access token outlives them ({count} limits)',
  source: 'ASVS 5.0 §7.3.1, §7.3.2',
  needs: 'service',
  async run(context) {
    const columns = await columnsOf(context.internals.query)
    const ends = columns.filter(({ column, type }) => END_COLUMN.test(column) && /timestamp|date/.test(type))
    const used: Column[] = []
    for (const column of ends) if (await tryEnd(context, column, ends)) used.push(column)
    if (used.length === 0) throw new NotVerified('no column says when a session ends')
    return { count: String(used.length) }
  },
}

/** Lets the session of a new account end by one of its columns. Returns false where no row of the session has it. */
async function tryEnd(
  { actors, api, expect, internals: { query } }: ExpiryContext,
  { table, column }: Column,
  ends: readonly Column[],
): Promise<boolean> {
  const actor = await actors.user()
  const owners = [claimsOf(actor.accessToken).sid ?? claimsOf(actor.accessToken).sub, actor.id].map(String)
  const before = (await rowsWith(query, [table], owners)).filter(({ row }) => row[column] !== null)
  if (before.length === 0) return false
  const where = `strpos(to_jsonb(t)::text, $1) > 0`
  const [target, name] = [pg.escapeIdentifier(table), pg.escapeIdentifier(column)]
  const [owner = actor.id] = owners.filter(id => before.some(({ text }) => text.includes(id)))
  const setEnd = (interval: string) =>
    query(`update ${target} t set ${name} = now() + $2::interval where ${where}`, [owner, interval])
  for (const { row } of before) {
    const days = (Date.parse(String(row[column])) - Date.now()) / 86_400_000
    const isBounded = days > 0 && days <= MAX_SESSION_DAYS
    const found = isBounded ? 'within a year' : `${Math.round(days)} days away`
    expect.fact(`${table}.${column} of a new session`, found, 'within a year', isBounded)
  }
  await setEnd('60 seconds')
  const control = await refresh(api, actor, actor.refreshToken, `a refresh before ${column}`)
  if (control.status !== 200) throw new NotVerified(`the response to an honest refresh was ${control.status}`)
  const tokens = tokensOf(control)
  await expectWithin(tokens.accessToken)
  await setEnd('-60 seconds')
  expect.status(await refresh(api, actor, tokens.refreshToken, `a refresh after ${column}`), 401)
  const listed =
    api.found.sessions && (await actor.client.call(...api.to('sessions'), { token: tokens.accessToken }))
  if (listed && listed.status === 200 && owner !== actor.id) {
    expect.response(listed, 'not the session that has ended', !listed.text.includes(owner))
  }
  return true

  /** The access token must end no later than the row says after the refresh, which may move some limits. */
  async function expectWithin(token: string): Promise<void> {
    const names = ends.filter(end => end.table === table).map(end => end.column)
    const rows = await rowsWith(query, [table], [owner])
    const times = rows.flatMap(({ row }) => names.flatMap(key => row[key] ?? []))
    const end = Math.min(...times.map(time => Date.parse(String(time))))
    const isWithin = Number(claimsOf(token).exp ?? Number.POSITIVE_INFINITY) * 1000 <= end + 1000
    const value = isWithin ? 'within it' : 'after it'
    expect.fact(`exp of a token near the end of its session by ${column}`, value, 'within it', isWithin)
  }
}

type ExpiryContext = ServiceContext & { expect: Expectations }

/** Other instances hear of the end of a session by a notification. */
const INSTANCES_TIMEOUT_MS = 2000

export const otherInstance: ServiceCheck = {
  id: 'other-instance',
  rank: 166,
  claim: 'What ends a session ends its tokens on other instances within 2 s ({count} ways)',
  source: 'ASVS 5.0 §7.4.1, §7.4.2, §7.4.3',
  needs: 'service',
  async run(context) {
    const { internals, http, actors, api } = context
    const beside = await internals.startBeside()
    try {
      const other = createHttp(beside.origin, http.trace)
      const [loggedOut, changed, ended, disabled, reused] = await Promise.all([
        actors.user(),
        actors.user(),
        actors.user(),
        actors.user(),
        actors.user(),
      ])
      const [second, third] = await Promise.all([actors.logIn(changed), actors.logIn(ended)])
      const ways: Record<string, Way> = {
        'a logout': [
          loggedOut,
          loggedOut,
          () => loggedOut.client.call(...api.to('logout'), { token: loggedOut.accessToken }),
        ],
        'a password change': [
          changed,
          second,
          () =>
            changed.client.call(...api.to('changePassword'), {
              token: changed.accessToken,
              body: api.body(api.route('changePassword'), changed),
            }),
        ],
        'the end of one session by its owner': [
          ended,
          third,
          () =>
            ended.client.call(...api.to('endSession', String(claimsOf(third.accessToken).sid)), {
              token: ended.accessToken,
            }),
        ],
      }
      if (api.found.disable) {
        const admin = await actors.admin()
        ways['an account that is disabled'] = [
          disabled,
          disabled,
          () => admin.client.call(...api.to('disable', disabled.id), { token: admin.accessToken }),
        ]
      }
      for (const [what, way] of Object.entries(ways)) await expectEndBeside(context, other, what, ...way)
      await reuse(context, other, reused)
      return { count: String(Object.keys(ways).length + 1) }
    } finally {
      await beside.stop()
    }
  },
}

/** Whose session ends, the tokens of that session, and what ends it. */
type Way = [actor: Actor, tokens: Tokens, end: () => Promise<HttpResponse>]

type Tokens = Pick<Actor, 'accessToken' | 'refreshToken'>

/** Proves that another instance accepts the token, ends its session on this one, and expects a refusal on both soon. */
async function expectEndBeside(
  { api, expect }: ExpiryContext,
  other: Http,
  what: string,
  ...[actor, tokens, end]: Way
): Promise<void> {
  const client = other.client()
  const read = (sent: string) => client.call(...api.to('me'), { sent, token: tokens.accessToken })
  const before = await read('the access token, on another instance')
  if (before.status !== 200)
    throw new NotVerified(`another instance answered ${before.status} to a valid token`)
  const done = await end()
  if (done.status >= 300) throw new NotVerified(`the response to ${what} was ${done.status}`)
  const deadline = Date.now() + INSTANCES_TIMEOUT_MS
  const sent = `the access token after ${what}, on another instance`
  let after = await read(sent)
  while (after.status === 200 && Date.now() < deadline) {
    await sleep(50)
    after = await read(sent)
  }
  expect.status(after, 401)
  const body = api.body(api.route('refresh'), { ...actor, refreshToken: tokens.refreshToken })
  const refreshed = { sent: `the refresh token after ${what}, on another instance`, body }
  expect.status(await client.call(...api.to('refresh'), refreshed), 401)
}

/** A token that was used on one instance is reused on another, which ends the session on both. */
async function reuse(context: ExpiryContext, other: Http, actor: Actor): Promise<void> {
  const { api } = context
  const second = tokensOf(await refresh(api, actor, actor.refreshToken, 'the first token'))
  const third = tokensOf(await refresh(api, actor, second.refreshToken, 'its successor'))
  const end = async () => {
    const reused = await refresh(api, actor, actor.refreshToken, 'the first token again')
    return { ...reused, status: reused.status === 401 ? 204 : reused.status }
  }
  await expectEndBeside(context, other, 'the reuse of a refresh token', actor, third, end)
}

export const otherSessions: ServiceCheck = {
  id: 'other-sessions',
  rank: 220,
  claim: "Users cannot end another user's session",
  source: 'OWASP API1:2023',
  needs: 'service',
  async run({ expect, actors, api }) {
    const [owner, stranger] = await Promise.all([actors.user(), actors.user()])
    const session = String(claimsOf(owner.accessToken).sid)
    const end = (sent: string, token: string) =>
      stranger.client.call(...api.to('endSession', session), { sent, token })
    const read = () => readSelf(api, owner, owner.accessToken, "the owner's access token")
    expect.status(await end("a stranger's token", stranger.accessToken), 404)
    expect.status(await read(), 200)
    expect.status(await end("the owner's token", owner.accessToken), 204)
    expect.status(await read(), 401)
  },
}

const MAX_LOGINS = 60

export const loginLimit: ServiceCheck = {
  id: 'login-limit',
  rank: 280,
  claim: 'Login limited to {max} tries per client and account',
  source: 'ASVS 5.0 §6.3.1, OWASP API4:2023',
  needs: 'service',
  async run(context) {
    const { expect, actors, api, http } = context
    const { client, email, password } = await actors.user()
    const route = api.route('login')
    const right = api.body(route, { email, password })
    const wrong = api.body(route, { email, password: 'wrong' })
    const logIn = (by: Actor['client'], sent: string, body: unknown) =>
      by.call(...api.to('login'), { sent, body })
    // The actor's own login was the first.
    let tries = 1
    let last: HttpResponse
    do {
      tries += 1
      last = await logIn(client, `login ${tries} of one client to one account, a wrong password`, wrong)
    } while (last.status === 401 && tries < MAX_LOGINS)
    expect.response(last, '429 with Retry-After', last.status === 429 && 'retry-after' in last.headers)
    expect.status(await logIn(client, 'the right password, while limited', right), 429)
    const other = await actors.user()
    expect.status(await logIn(client, 'the limited client, to another account', api.body(route, other)), 200)
    expect.status(await logIn(other.client, 'another client, to the account', right), 200)
    if (last.status === 429) await expectNoEvasion({ ...context, http }, { tries, right, wrong, other })
    return { max: String(tries - 1) }
  },
}

type Limited = {
  tries: number
  right: Record<string, unknown>
  wrong: Record<string, unknown>
  other: Actor
}

/** A client may send this many requests before the limit of all routes could stand in for that of logins. */
const REQUESTS_PER_CLIENT = 40

/**
 * Sends the right password in every variation while the account is limited: none may log in. A refusal for another reason
 * than the limit has tried no password, so it evades nothing.
 */
async function expectNoEvasion(
  context: ExpiryContext,
  { tries, right, wrong, other }: Limited,
): Promise<void> {
  const { expect, api, http, subject, actors, exhausted } = context
  const [method, path] = api.to('login')
  const variations = loginVariations(right, other, path, readMentioned(subject.root, subject.module))
  const budget = Math.min(REQUESTS_PER_CLIENT, (await exhausted()).passed - tries - 5)
  if (budget < 1) throw new NotVerified('the limit of all routes is below that of logins')
  const passed: HttpResponse[] = []
  for (let first = 0; first < variations.length; first += budget) {
    const client = http.client()
    // Another connection from the same address.
    const by = http.client(client.localAddress)
    const exceed = async () => {
      for (let count = 0; count <= tries; count++) {
        if ((await client.call(method, path, { body: wrong })).status === 429) return
      }
      throw new NotVerified('the limit of logins was not reached a second time')
    }
    await exceed()
    for (const { sent, path: to = path, headers, body = right } of variations.slice(first, first + budget)) {
      const options = {
        sent: `${sent}, the right password, while limited`,
        body,
        ...(headers && { headers }),
      }
      const response = await by.call(method, to, options)
      if (response.status >= 300) continue
      // Only a login within the window is an evasion.
      const control = await client.call(method, path, { sent: 'the control', body: wrong })
      if (control.status !== 429) throw new NotVerified('the window of the limit passed during the check')
      passed.push(response)
    }
    // Else the limit of all routes has refused them.
    const control = await client.call(method, path, {
      body: api.body(api.route('login'), await actors.user()),
    })
    if (control.status === 429)
      throw new NotVerified('the limit of all routes was reached before that of logins')
  }
  for (const response of passed) expect.response(response, 'no login', false)
  const found = passed.length === 0 ? 'none' : String(passed.length)
  expect.fact(
    `logins by ${variations.length > 0 ? 'variations' : 'no variation'}`,
    found,
    'none',
    passed.length === 0,
  )
}

/** Returns logins that differ in all that a client controls. */
function loginVariations(
  right: Record<string, unknown>,
  other: Actor,
  path: string,
  { headers, parameters }: Mentioned,
): Variation[] {
  const [name = 'email', email = ''] = Object.entries(right).find(([key]) => IDENTITY.test(key)) ?? []
  const emails = Object.entries(emailVariations(String(email)))
  return [
    ...headerVariations(headers),
    { sent: 'a valid token of another account', headers: { authorization: `Bearer ${other.accessToken}` } },
    { sent: 'a token that is none', headers: { authorization: 'Bearer report' } },
    { sent: 'browser mode', path: `${path}?cookie=true` },
    ...queryVariations(path, parameters),
    ...pathVariations(path),
    ...emails.map(([sent, value]) => ({ sent, body: { ...right, [name]: value } })),
    ...bodyVariations(right, name, other.email),
  ]
}

export const noStore: ServiceCheck = {
  id: 'no-store',
  rank: 330,
  claim: 'Responses with tokens are not cached ({count} routes)',
  source: 'RFC 6749 §5.1, ASVS 5.0 §14.3.2',
  needs: 'service',
  async run({ expect, sweep }) {
    const { samples } = await sweep()
    // What everyone may read without credentials is no secret: the API description has example tokens.
    const isOpen = ({ method, actor }: Sample) => method === 'GET' && actor === 'anonymous'
    const withTokens = samples.filter(
      sample =>
        !isOpen(sample) &&
        (TOKEN.test(sample.response.text) || cookiesOf(sample.response).some(isSecretCookie)),
    )
    const isMet = ({ response }: Sample) => String(response.headers['cache-control']).includes('no-store')
    return { count: String(expect.samples(withTokens, 'no-store', isMet, ['cache-control']).routes) }
  },
}

/** A signed token, or a value under the name of a token. */
const TOKEN = /eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{20,}|"\w*token"\s*:\s*"[\w-]{20,}"/i

/** A cookie that is set to a value; one that is cleared has none. */
function isSecretCookie(cookie: string): boolean {
  return /^[^=]+=[\w-]{20,}/.test(cookie)
}
