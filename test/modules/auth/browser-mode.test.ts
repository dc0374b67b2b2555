/** Browser mode: the refresh token in a cookie that scripts cannot read, and other sites cannot make use of. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createTestApp, PASSWORD, type TestApp } from '../../helpers/app.ts'
import { liveLeaves } from '../../helpers/tokens.ts'

let service: TestApp
let email: string

beforeAll(async () => {
  service = await createTestApp()
  email = (await service.signUp()).email
})
afterAll(() => service.close())

type Answer = Awaited<ReturnType<TestApp['call']>>

/** The cookies that an answer sets, by name, and their attributes. */
function cookiesOf({ headers }: Answer) {
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

/** A browser: what it was told to keep, and what it sends. */
async function openBrowser() {
  const jar = new Map<string, string>()
  let csrfToken = ''

  function keep(answer: Answer): Answer {
    for (const [name, { value }] of cookiesOf(answer)) jar.set(name, value)
    if (answer.statusCode === 200) csrfToken = answer.json().csrfToken
    return answer
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

it('the refresh token comes in a cookie alone, for HTTPS, for this site, for the auth routes, out of reach of scripts', async () => {
  const { login } = await openBrowser()
  expect(Object.keys(login.json()).sort()).toEqual(['accessToken', 'csrfToken', 'expiresIn', 'tokenType'])
  const cookies = cookiesOf(login)
  expect([...cookies.keys()].sort()).toEqual(['__Host-csrf', '__Secure-refresh'])
  const flags = ['HttpOnly', 'Secure', 'SameSite=Strict']
  expect(cookies.get('__Secure-refresh')?.attributes).toEqual(
    expect.arrayContaining([...flags, 'Path=/api/v1/auth', expect.stringMatching(/^Expires=/)]),
  )
  expect(cookies.get('__Host-csrf')?.attributes).toEqual(expect.arrayContaining([...flags, 'Path=/']))
  // Both live as long: a browser that was restarted has both or none.
  const [end, ...others] = new Set([...cookies.values()].map(({ attributes }) => endOf(attributes)))
  expect(others).toEqual([])
  expect(Date.parse(end ?? '')).toBeGreaterThan(Date.now() + 86_400_000)
  // __Host- asks for no Domain, and neither cookie is for subdomains.
  for (const { attributes } of cookies.values()) expect(attributes.join()).not.toContain('Domain')
})

it('a refresh rotates the token in the cookie', async () => {
  const browser = await openBrowser()
  const first = browser.jar.get('__Secure-refresh')
  const answer = await browser.refresh()
  expect(answer.statusCode).toBe(200)
  expect(answer.json().refreshToken).toBeUndefined()
  expect(browser.jar.get('__Secure-refresh')).not.toBe(first)
  expect(await liveLeaves(service.database, answer.json().accessToken)).toBe(1)
  expect((await browser.refresh()).statusCode).toBe(200)
  const { statusCode } = await service.call('GET', '/api/v1/users/me', { token: answer.json().accessToken })
  expect(statusCode).toBe(200)
})

it('without its CSRF token a cookie is worth nothing, and stays unused', async () => {
  const browser = await openBrowser()
  const other = await openBrowser()
  const wrong = ['', 'x', `${browser.csrfToken()}x`, other.csrfToken(), browser.jar.get('__Host-csrf') ?? '']
  for (const headers of [{}, ...wrong.map(token => ({ 'x-csrf-token': token }))]) {
    const answer = await browser.refresh(headers)
    expect([answer.statusCode, answer.json().code]).toEqual([403, 'CSRF_FAILED'])
    expect(cookiesOf(answer).has('__Secure-refresh')).toBe(false)
  }
  // Nor where the browser sends the refresh cookie alone.
  const alone = await service.call('POST', '/api/v1/auth/refresh', {
    body: {},
    headers: {
      cookie: `__Secure-refresh=${browser.jar.get('__Secure-refresh')}`,
      'x-csrf-token': browser.csrfToken(),
    },
  })
  expect(alone.statusCode).toBe(403)
  expect((await browser.refresh()).statusCode).toBe(200)
})

it('a login in the same browser has a CSRF secret of its own, and a refresh keeps it', async () => {
  const browser = await openBrowser()
  const { csrfToken: former } = browser.login.json()
  const formerSecret = browser.jar.get('__Host-csrf')
  await browser.logIn()
  expect(browser.jar.get('__Host-csrf')).not.toBe(formerSecret)
  expect((await browser.refresh({ 'x-csrf-token': former })).statusCode).toBe(403)
  const answer = await browser.refresh()
  expect(answer.statusCode).toBe(200)
  // Another page of the same browser goes on with the token that it was given.
  expect(cookiesOf(answer).has('__Host-csrf')).toBe(false)
})

it('a CSRF token in the body or the query is none', async () => {
  const browser = await openBrowser()
  expect((await browser.refresh({}, { _csrf: browser.csrfToken() })).statusCode).toBe(400)
  const inQuery = await service.call('POST', `/api/v1/auth/refresh?_csrf=${browser.csrfToken()}`, {
    body: {},
    headers: { cookie: browser.cookie() },
  })
  expect(inQuery.statusCode).toBe(403)
})

it('a token in the body goes before the cookie, needs no CSRF token and is answered in the body', async () => {
  const browser = await openBrowser()
  const { refreshToken } = await service.logIn(email)
  const answer = await browser.refresh({}, { refreshToken })
  expect(answer.statusCode).toBe(200)
  expect(answer.json().refreshToken).toHaveLength(43)
  expect(cookiesOf(answer).size).toBe(0)
})

it('a cookie that holds no token of ours is refused like any other', async () => {
  const browser = await openBrowser()
  for (const value of ['x', 'A'.repeat(43), '%00', 'A'.repeat(4000)]) {
    browser.jar.set('__Secure-refresh', value)
    const answer = await browser.refresh()
    expect([answer.statusCode, answer.json().code]).toEqual([401, 'INVALID_REFRESH_TOKEN'])
  }
  const none = await service.call('POST', '/api/v1/auth/refresh', { body: {} })
  expect([none.statusCode, none.json().code]).toEqual([401, 'INVALID_REFRESH_TOKEN'])
})

it('logout clears the cookies, and what it held is dead', async () => {
  const browser = await openBrowser()
  const { accessToken } = browser.login.json()
  const token = browser.jar.get('__Secure-refresh')
  const answer = await service.call('POST', '/api/v1/auth/logout', {
    token: accessToken,
    headers: { cookie: browser.cookie() },
  })
  expect(answer.statusCode).toBe(204)
  const cleared = cookiesOf(answer).get('__Secure-refresh')
  expect(cleared?.value).toBe('')
  expect(cleared?.attributes).toEqual(
    expect.arrayContaining(['Path=/api/v1/auth', 'Expires=Thu, 01 Jan 1970 00:00:00 GMT']),
  )
  expect(cookiesOf(answer).get('__Host-csrf')?.value).toBe('')
  // Nor does it help to keep them.
  expect((await browser.refresh()).statusCode).toBe(401)
  expect((await service.refresh(token ?? '')).statusCode).toBe(401)
})
