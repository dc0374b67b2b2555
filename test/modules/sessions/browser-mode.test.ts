/** Browser mode: the refresh token is in a cookie that scripts cannot read and other sites cannot use. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createTestApp, PASSWORD, type TestApp } from '../../helpers/app.ts'
import { auditOf, backdateUse, claimsOf, countUnusedTokens } from '../../helpers/tokens.ts'

const NAME = '__Host-refresh'

let service: TestApp
let email: string

beforeAll(async () => {
  service = await createTestApp()
  email = (await service.signUp()).email
})
afterAll(() => service.close())

type ApiResponse = Awaited<ReturnType<TestApp['call']>>

/** Returns the cookies that a response sets, by name, with their attributes. */
function cookiesOf({ headers }: ApiResponse) {
  return new Map(
    [headers['set-cookie'] ?? []].flat().map(line => {
      const [pair = '', ...attributes] = line.split('; ')
      const [name = '', value = ''] = pair.split('=')
      return [name, { value, attributes }]
    }),
  )
}

function endOf(attributes: string[]): string | undefined {
  return attributes.find(attribute => attribute.startsWith('Expires='))?.slice('Expires='.length)
}

/** Returns a browser that is logged in, and keeps and sends its cookies. */
async function openBrowser() {
  const jar = new Map<string, string>()
  let csrfToken = ''

  function keep(response: ApiResponse): ApiResponse {
    for (const [name, { value }] of cookiesOf(response)) jar.set(name, value)
    if (response.statusCode === 200) csrfToken = response.json().csrfToken
    return response
  }
  const cookie = () => [...jar].map(([name, value]) => `${name}=${value}`).join('; ')
  const post = (url: string, body: unknown, headers = {}) =>
    service.call('POST', url, { body, headers: { cookie: cookie(), ...headers } })

  const logIn = async () => keep(await post('/api/v1/auth/login?cookie=true', { email, password: PASSWORD }))

  return {
    jar,
    login: await logIn(),
    logIn,
    refresh: async (headers: Record<string, string> = { 'x-csrf-token': csrfToken }, body: unknown = {}) =>
      keep(await post('/api/v1/auth/refresh', body, headers)),
    csrfToken: () => csrfToken,
    cookie,
  }
}

it('the refresh token is only in a cookie: HttpOnly, Secure, SameSite=Strict, for this host', async () => {
  const { login } = await openBrowser()
  expect(Object.keys(login.json()).sort()).toEqual(['accessToken', 'csrfToken', 'expiresIn', 'tokenType'])
  const cookies = cookiesOf(login)
  expect([...cookies.keys()]).toEqual([NAME])
  const { attributes = [] } = cookies.get(NAME) ?? {}
  const flags = ['HttpOnly', 'Secure', 'SameSite=Strict', 'Path=/']
  expect(attributes).toEqual(expect.arrayContaining([...flags, expect.stringMatching(/^Expires=/)]))
  expect(Date.parse(endOf(attributes) ?? '')).toBeGreaterThan(Date.now() + 86_400_000)
  // __Host- forbids a Domain: the cookie is not for subdomains.
  expect(attributes.join()).not.toContain('Domain')
})

it('a refresh rotates the token in the cookie', async () => {
  const browser = await openBrowser()
  const first = browser.jar.get(NAME)
  const response = await browser.refresh()
  expect(response.statusCode).toBe(200)
  expect(response.json().refreshToken).toBeUndefined()
  expect(browser.jar.get(NAME)).not.toBe(first)
  expect(await countUnusedTokens(service.database, response.json().accessToken)).toBe(1)
  expect((await browser.refresh()).statusCode).toBe(200)
  const { statusCode } = await service.call('GET', '/api/v1/users/me', { token: response.json().accessToken })
  expect(statusCode).toBe(200)
})

it('a cookie without the CSRF token of its session is refused, and stays unused', async () => {
  const browser = await openBrowser()
  const other = await openBrowser()
  const cookie = browser.jar.get(NAME) ?? ''
  const own = browser.csrfToken()
  const wrong = [
    '',
    'x',
    `${own}x`,
    own.slice(1),
    own.toUpperCase(),
    other.csrfToken(),
    cookie,
    `${own}, ${own}`,
  ]
  for (const headers of [{}, ...wrong.map(token => ({ 'x-csrf-token': token }))]) {
    const response = await browser.refresh(headers)
    expect([response.statusCode, response.json().code]).toEqual([403, 'CSRF_FAILED'])
    expect(cookiesOf(response).size).toBe(0)
  }
  expect((await browser.refresh()).statusCode).toBe(200)
})

const csrf = (cookie?: string) =>
  service.call('GET', '/api/v1/auth/csrf', { headers: cookie === undefined ? {} : { cookie } })

describe('a page that was reloaded, or a second tab', () => {
  it('gets the CSRF token with the cookie alone, which does not change', async () => {
    const browser = await openBrowser()
    for (let tab = 0; tab < 3; tab += 1) {
      const response = await csrf(browser.cookie())
      expect(response.statusCode).toBe(200)
      expect(response.json()).toEqual({ csrfToken: browser.csrfToken() })
      expect(response.headers['cache-control']).toBe('no-store')
      expect(cookiesOf(response).size).toBe(0)
    }
    expect((await browser.refresh()).statusCode).toBe(200)
  })

  it('keeps its token when another tab refreshes', async () => {
    const browser = await openBrowser()
    const { csrfToken } = browser.login.json()
    for (let turn = 0; turn < 3; turn += 1) {
      const response = await browser.refresh({ 'x-csrf-token': csrfToken })
      expect([response.statusCode, response.json().csrfToken]).toEqual([200, csrfToken])
      expect((await csrf(browser.cookie())).json()).toEqual({ csrfToken })
    }
  })

  it('gets 403 with the token of a former session, and goes on with the new one', async () => {
    const browser = await openBrowser()
    const { csrfToken: former } = browser.login.json()
    await browser.logIn()
    expect(browser.csrfToken()).not.toBe(former)
    expect((await browser.refresh({ 'x-csrf-token': former })).statusCode).toBe(403)
    const { csrfToken } = (await csrf(browser.cookie())).json()
    expect((await browser.refresh({ 'x-csrf-token': csrfToken })).statusCode).toBe(200)
  })

  it('gets 401 without a cookie that could be exchanged', async () => {
    const spent = await openBrowser()
    const old = spent.cookie()
    await spent.refresh()
    await backdateUse(service.database, old.slice(old.indexOf('=') + 1), 60)
    const ended = await openBrowser()
    await service.call('POST', '/api/v1/auth/logout', { token: ended.login.json().accessToken })
    const cookies = [
      undefined,
      '',
      'x=y',
      `${NAME}=`,
      `${NAME}=x`,
      `${NAME}=${'A'.repeat(43)}`,
      old,
      ended.cookie(),
    ]
    for (const cookie of cookies) {
      const response = await csrf(cookie)
      expect([response.statusCode, response.json().code], String(cookie)).toEqual([
        401,
        'INVALID_REFRESH_TOKEN',
      ])
    }
  })

  it('of a site that is not in CORS_ORIGINS gets no CORS headers', async () => {
    const browser = await openBrowser()
    const response = await service.call('GET', '/api/v1/auth/csrf', {
      headers: { cookie: browser.cookie(), origin: 'https://elsewhere.example' },
    })
    expect(response.headers['access-control-allow-origin']).toBeUndefined()
  })
})

describe('a cookie that another subdomain has set', () => {
  it('is refused together with our own, in any order and spelling, and neither is used', async () => {
    const victim = await openBrowser()
    const attacker = await openBrowser()
    const [own, foreign] = [victim.jar.get(NAME), attacker.jar.get(NAME)]
    const pairs = [
      [`${NAME}=${foreign}`, `${NAME}=${own}`],
      [`${NAME}=${own}`, `${NAME}=${foreign}`],
      [`${NAME}=${own}`, `${NAME}=${own}`],
      [`${NAME}=${own}`, 'a=b', ` ${NAME} = ${foreign}`],
      [`${NAME}=`, `${NAME}=${own}`],
      [NAME, `${NAME}=${own}`],
    ]
    for (const pair of pairs) {
      const response = await service.call('POST', '/api/v1/auth/refresh', {
        body: {},
        headers: { cookie: pair.join(';'), 'x-csrf-token': victim.csrfToken() },
      })
      expect([response.statusCode, response.json().code], pair.join(';')).toEqual([
        401,
        'INVALID_REFRESH_TOKEN',
      ])
      expect((await csrf(pair.join(';'))).statusCode, pair.join(';')).toBe(401)
    }
    expect((await victim.refresh()).statusCode).toBe(200)
    expect((await attacker.refresh()).statusCode).toBe(200)
  })

  it('is refused in place of our own, because the CSRF token is of our own session', async () => {
    const victim = await openBrowser()
    const attacker = await openBrowser()
    victim.jar.set(NAME, attacker.jar.get(NAME) ?? '')
    expect((await victim.refresh()).statusCode).toBe(403)
  })

  // U+00A0 is no space for a browser: such a name has no prefix `__Host-`, and a subdomain can set the cookie.
  it.each([
    '__Secure-refresh',
    '__host-refresh',
    'refresh',
    '__Host-refresh2',
    '%5F%5FHost-refresh',
    '\u00a0__Host-refresh',
    '__Host-refresh\u00a0',
    '\u00a0\u00a0__Host-refresh',
  ])('is ignored under the name %j', async name => {
    const { jar, csrfToken } = await openBrowser()
    const response = await service.call('POST', '/api/v1/auth/refresh', {
      body: {},
      headers: { cookie: `${name}=${jar.get(NAME)}`, 'x-csrf-token': csrfToken() },
    })
    expect(response.statusCode).toBe(401)
  })
})

describe('a login in a browser that has a session', () => {
  it('ends the former session with its access tokens, also when it was of another account', async () => {
    const browser = await openBrowser()
    const { accessToken } = browser.login.json()
    const former = browser.jar.get(NAME) ?? ''
    const other = await service.signUp()
    const response = await service.call('POST', '/api/v1/auth/login?cookie=true', {
      body: { email: other.email, password: PASSWORD },
      headers: { cookie: browser.cookie() },
    })
    expect(response.statusCode).toBe(200)
    expect((await service.call('GET', '/api/v1/users/me', { token: accessToken })).statusCode).toBe(401)
    expect((await service.refresh(former)).statusCode).toBe(401)
    const events = await auditOf(service.database, claimsOf(accessToken).sub)
    expect(events.at(-1)).toMatchObject({
      type: 'session.revoked',
      actor_id: other.id,
      session_id: claimsOf(accessToken).sid,
      detail: { reason: 'replaced by a login' },
    })
  })

  it('keeps it when the password is wrong, without cookie=true, and when several cookies were sent', async () => {
    const browser = await openBrowser()
    const logIn = (query: string, password: string, cookie: string) =>
      service.call('POST', `/api/v1/auth/login${query}`, { body: { email, password }, headers: { cookie } })
    expect((await logIn('?cookie=true', 'wrong', browser.cookie())).statusCode).toBe(401)
    expect((await logIn('', PASSWORD, browser.cookie())).statusCode).toBe(200)
    const twice = `${browser.cookie()}; ${NAME}=x`
    expect((await logIn('?cookie=true', PASSWORD, twice)).statusCode).toBe(200)
    expect((await browser.refresh()).statusCode).toBe(200)
  })

  it('succeeds with a cookie that contains no token of ours', async () => {
    const response = await service.call('POST', '/api/v1/auth/login?cookie=true', {
      body: { email, password: PASSWORD },
      headers: { cookie: `${NAME}=${'x'.repeat(4000)}` },
    })
    expect(response.statusCode).toBe(200)
  })
})

it('a CSRF token in the body or the query does not count', async () => {
  const browser = await openBrowser()
  expect((await browser.refresh({}, { _csrf: browser.csrfToken() })).statusCode).toBe(400)
  const inQuery = await service.call('POST', `/api/v1/auth/refresh?_csrf=${browser.csrfToken()}`, {
    body: {},
    headers: { cookie: browser.cookie() },
  })
  expect(inQuery.statusCode).toBe(403)
})

it('a token in the body is used before the cookie, without a CSRF token, and its successor is in the body', async () => {
  const browser = await openBrowser()
  const { refreshToken } = await service.logIn(email)
  const response = await browser.refresh({}, { refreshToken })
  expect(response.statusCode).toBe(200)
  expect(response.json().refreshToken).toHaveLength(43)
  expect(cookiesOf(response).size).toBe(0)
})

it('a cookie that contains no token of ours is refused', async () => {
  const browser = await openBrowser()
  for (const value of ['x', 'A'.repeat(43), '%00', 'A'.repeat(4000)]) {
    browser.jar.set(NAME, value)
    const response = await browser.refresh()
    expect([response.statusCode, response.json().code]).toEqual([401, 'INVALID_REFRESH_TOKEN'])
  }
  const none = await service.call('POST', '/api/v1/auth/refresh', { body: {} })
  expect([none.statusCode, none.json().code]).toEqual([401, 'INVALID_REFRESH_TOKEN'])
})

it('logout clears the cookie, and its token is refused', async () => {
  const browser = await openBrowser()
  const { accessToken } = browser.login.json()
  const token = browser.jar.get(NAME)
  const response = await service.call('POST', '/api/v1/auth/logout', {
    token: accessToken,
    headers: { cookie: browser.cookie() },
  })
  expect(response.statusCode).toBe(204)
  const cleared = cookiesOf(response).get(NAME)
  expect(cleared?.value).toBe('')
  expect(cleared?.attributes).toEqual(
    expect.arrayContaining(['Path=/', 'Expires=Thu, 01 Jan 1970 00:00:00 GMT']),
  )
  // The browser cannot use the cookie if it keeps it.
  expect((await browser.refresh()).statusCode).toBe(401)
  expect((await service.refresh(token ?? '')).statusCode).toBe(401)
})
