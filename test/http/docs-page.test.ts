/** The docs page in a browser that can reach only the service: it renders, breaks no policy, and sends requests. */
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { SERVICE_TITLE } from '../../src/config/service-name.ts'
import { createTestApp, type TestApp } from '../helpers/app.ts'
import { launchBrowser, openPage } from '../helpers/browser.ts'

let service: TestApp
let browser: Browser
let origin: string

beforeAll(async () => {
  service = await createTestApp()
  origin = await service.app.listen({ host: '127.0.0.1', port: 0 })
  browser = await launchBrowser()
})
afterAll(async () => {
  await browser?.close()
  await service?.close()
})

/** Opens an operation in the sidebar, sends its request, and waits until the page shows the expected text. */
async function expectAnswer(page: Page, summary: string, operation: string, expected: string) {
  await page.getByRole('link', { name: summary }).click()
  await page.getByRole('button', { name: `Test Request (${operation})` }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByRole('button', { name: /^Send/ }).first().click()
  await dialog.getByText('200 OK').waitFor()
  await expect.poll(() => dialog.innerText()).toContain(expected)
}

describe('the docs page', () => {
  let docs: Awaited<ReturnType<typeof openPage>>

  // Once for all: it takes five seconds of CPU.
  beforeAll(async () => {
    docs = await openPage(browser)
    await docs.page.goto(`${origin}/docs`)
    await docs.page.getByRole('heading', { name: SERVICE_TITLE }).waitFor()
  })

  it('shows every operation, offline, and breaks no content security policy', async () => {
    const { page, problems, requests } = docs
    expect(await page.title()).toBe(SERVICE_TITLE)
    for (const path of Object.values(service.app.swagger().paths ?? {})) {
      for (const { summary = '' } of Object.values(path as Record<string, { summary: string }>)) {
        await page.getByRole('link', { name: summary }).waitFor()
      }
    }
    expect(problems).toEqual([])
    expect(requests.filter(url => !url.startsWith(`${origin}/`) && !url.startsWith('data:'))).toEqual([])
  })

  it('sends a request with the access token that was entered, and shows the response', async () => {
    const { accessToken, email } = await service.signUp()
    const { page, problems } = docs
    await page.getByPlaceholder('Token').first().fill(accessToken)
    await expectAnswer(page, 'Fetch own profile', 'get /api/v1/users/me', email)
    expect(problems).toEqual([])
  })

  it('runs no script that is not in its files, and cannot be framed', async () => {
    const { headers } = await service.call('GET', '/docs')
    const policy = String(headers['content-security-policy']).split(';')
    expect(policy).toContain("default-src 'none'")
    expect(policy).toContain("script-src 'self'")
    expect(policy).toContain("frame-ancestors 'none'")
  })
})

describe('with DOCS=off', () => {
  it('its paths are unknown for every method, and the API is the same', async () => {
    const bare = await createTestApp({ DOCS: 'off' })
    try {
      for (const url of ['/docs', '/docs/', '/docs/scalar.js', '/openapi.json']) {
        for (const method of ['GET', 'HEAD', 'POST', 'OPTIONS'] as const) {
          const { statusCode, headers } = await bare.app.inject({ method, url })
          expect(statusCode, `${method} ${url}`).toBe(404)
          expect(headers.allow).toBeUndefined()
        }
      }
      const unknown = await bare.call('GET', '/docs')
      expect(unknown.json()).toMatchObject({ code: 'NOT_FOUND', instance: '/docs' })
      const { accessToken } = await bare.signUp()
      expect((await bare.call('GET', '/api/v1/users/me', { token: accessToken })).statusCode).toBe(200)
    } finally {
      await bare.close()
    }
  })
})

describe('its files', () => {
  it.each(['/docs', '/docs/scalar.js', '/openapi.json'])(
    '%s is compressed for who asks, and not sent again to who has it',
    async url => {
      const plain = await service.call('GET', url)
      expect(plain.headers).not.toHaveProperty('content-encoding')
      const packed = await service.call('GET', url, { headers: { 'accept-encoding': 'gzip, br' } })
      expect(packed.headers).toMatchObject({ 'content-encoding': 'gzip', etag: plain.headers.etag })
      expect(packed.rawPayload.length).toBeLessThan(plain.rawPayload.length)

      const again = await service.call('GET', url, {
        headers: { 'if-none-match': String(plain.headers.etag) },
      })
      expect(again.statusCode).toBe(304)
      expect(again.rawPayload.length).toBe(0)
      const other = await service.call('GET', url, { headers: { 'if-none-match': '"another"' } })
      expect(other.statusCode).toBe(200)
    },
  )
})
