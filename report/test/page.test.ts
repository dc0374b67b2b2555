/** The HTML page of a report in a real browser: without a network, in light and dark, by keyboard, accessible. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { SERVICE_ID } from '../../src/config/service-name.ts'
import { findAxeViolations, launchBrowser, openPageAt } from '../../test/helpers/browser.ts'
import { fact } from '../document/evidence.ts'
import { renderPage } from '../render/page.ts'
import { row, sampleReport } from './helpers/sample-report.ts'

let browser: Browser
let folder: string
let url: string

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), `${SERVICE_ID}-page-`))
  const file = join(folder, 'report.html')
  writeFileSync(file, renderPage(sampleReport()))
  url = pathToFileURL(file).href
  browser = await launchBrowser()
})
afterAll(async () => {
  await browser?.close()
  rmSync(folder, { recursive: true, force: true })
})

const openReport = (options: Parameters<typeof openPageAt>[2] = {}) => openPageAt(browser, url, options)

it.each([
  ['light', 1400],
  ['dark', 1400],
  ['light', 360],
] as const)(
  'has no violations of axe-core, in %s at %i pixels, with every row open',
  async (colorScheme, width) => {
    const { page } = await openReport({ colorScheme, width })
    await page.evaluate("for (const details of document.querySelectorAll('details')) details.open = true")
    expect(await findAxeViolations(page)).toEqual([])
  },
)

it('makes no request, runs no script, and violates no policy', async () => {
  const { problems, requests } = await openReport()
  expect(requests).toEqual([url])
  expect(problems).toEqual([])
  expect(renderPage(sampleReport())).not.toMatch(/<script|https?:\/\/(?!www\.w3\.org\/)/)
})

it('needs no sideways scrolling on a narrow screen', async () => {
  const { page } = await openReport({ width: 360 })
  expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(360)
})

it('opens each row to its evidence by keyboard', async () => {
  const { page } = await openReport()
  const summary = page.locator('#endpoints summary').first()
  await summary.focus()
  await page.keyboard.press('Enter')
  const evidence = page.locator('#endpoints .evidence').first()
  await evidence.getByText('no credentials').waitFor()
  await evidence.getByText('neither 401 nor 403').waitFor()
  await page.keyboard.press('Enter')
  await evidence.waitFor({ state: 'hidden' })
})

it('shows states in words and shapes beside colours', async () => {
  const { page } = await openReport()
  const security = page.locator('.overview tr', { hasText: 'Security Measures' })
  expect(await security.locator('td').allInnerTexts()).toEqual(['2', '1', '1'])
  const failing = page.locator('#security details.fail summary')
  expect(await failing.textContent()).toMatch(/✗.*Fail\..*CORS configured/)
})

it('plots the measured latencies, with the figures as text', async () => {
  const { page } = await openReport()
  const plot = page.locator('#performance figure svg')
  expect(await plot.count()).toBe(1)
  expect(await plot.getAttribute('aria-label')).toContain('p95 35 ms')
})

it('has another background in the dark', async () => {
  const colours = await Promise.all(
    (['light', 'dark'] as const).map(async colorScheme => {
      const { page } = await openReport({ colorScheme })
      return page.evaluate<string>('getComputedStyle(document.body).backgroundColor')
    }),
  )
  expect(new Set(colours).size).toBe(2)
})

it('escapes all text', () => {
  const hostile = '<img src=x onerror=alert(1)>"&\''
  const html = renderPage(
    sampleReport({ stack: [{ ...row([hostile, hostile, hostile]), evidence: [fact(hostile, hostile)] }] }),
  )
  expect(html).not.toContain('<img')
  expect(html).toContain('&lt;img src=x onerror=alert(1)&gt;')
})
