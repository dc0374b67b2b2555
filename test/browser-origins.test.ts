/** Browser mode in a real browser, without HTTPS: a page on localhost calls the API at the printed address. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { originForPeople, welcome } from '../src/process/welcome.ts'
import { createTestApp, PASSWORD, type TestApp } from './helpers/app.ts'
import { launchBrowser } from './helpers/browser.ts'

/** A front end in development: another server, on another port. */
const frontEnd = createServer((_request, response) => {
  response.setHeader('content-type', 'text/html').end('<!doctype html><title>Front end</title>')
})

let page: string
let listening: string
let service: TestApp
let browser: Browser

beforeAll(async () => {
  await once(frontEnd.listen(0, '127.0.0.1'), 'listening')
  const { port } = frontEnd.address() as AddressInfo
  page = `http://localhost:${port}`
  service = await createTestApp({ CORS_ORIGINS: `${page}, http://127.0.0.1:${port}` })
  listening = await service.app.listen({ host: '127.0.0.1', port: 0 })
  browser = await launchBrowser()
})
afterAll(async () => {
  await browser?.close()
  await service?.close()
  frontEnd.close()
})

/** Logs in and refreshes from a page of `from`, as a front end does, and returns the statuses. */
async function logInAndRefresh(from: string, api: string) {
  const { email } = await service.signUp()
  const context = await browser.newContext()
  const tab = await context.newPage()
  await tab.goto(from)
  const statuses = await tab.evaluate(
    async ({ api, email, password }) => {
      const post = (path: string, body: object, headers = {}) =>
        fetch(`${api}/api/v1/auth/${path}`, {
          method: 'POST',
          credentials: 'include',
          headers: { 'content-type': 'application/json', ...headers },
          body: JSON.stringify(body),
        })
      const login = await post('login?cookie=true', { email, password })
      const { csrfToken } = (await login.json()) as { csrfToken: string }
      const refresh = await post('refresh', {}, { 'x-csrf-token': csrfToken })
      return [login.status, refresh.status]
    },
    { api, email, password: PASSWORD },
  )
  await context.close()
  return statuses
}

describe('a page on localhost', () => {
  it('stays logged in at the address that the start prints', async () => {
    const api = await originForPeople(listening)
    expect(api).toBe(listening.replace('127.0.0.1', 'localhost'))
    expect(welcome(api, { hasDocs: true })).toContain(`API      ${api}/api/v1`)
    expect(await logInAndRefresh(page, api)).toEqual([200, 200])
  })

  it('is another site than 127.0.0.1, whose cookies the browser drops', async () => {
    const [login, refresh] = await logInAndRefresh(page, listening)
    expect(login).toBe(200)
    expect([401, 403]).toContain(refresh)
    expect(await logInAndRefresh(page.replace('localhost', '127.0.0.1'), listening)).toEqual([200, 200])
  })
})

describe('the address that the start prints', () => {
  it('is localhost when the service listens there, otherwise the address itself', async () => {
    expect(await originForPeople('http://127.0.0.1:3000')).toBe('http://localhost:3000')
    expect(await originForPeople('http://0.0.0.0:3000')).toBe('http://localhost:3000')
    expect(await originForPeople('http://[::]:3000')).toBe('http://localhost:3000')
    expect(await originForPeople('http://192.0.2.1:3000')).toBe('http://192.0.2.1:3000')
    expect(await originForPeople('http://127.0.0.2:80')).toBe('http://127.0.0.2:80')
  })

  it('names no docs when they are off', () => {
    expect(welcome('http://localhost:3000', { hasDocs: false })).not.toContain('docs')
  })
})
