/** The page of a result in a real browser: light, dark, narrow, by keyboard and by ear. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { SERVICE_ID, SERVICE_NAME } from '../../src/config/service-name.ts'
import { findAxeViolations, launchBrowser, openPage, openPageAt } from '../../test/helpers/browser.ts'
import { renderPage } from '../output/page.ts'
import type { Result, Sweep } from '../result/schema.ts'
import { resultOf, scenarioOf } from './helpers/results.ts'

let browser: Browser
let folder: string
let url: string

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), `${SERVICE_ID}-bench-page-`))
  const file = join(folder, 'result.html')
  writeFileSync(file, renderPage(resultOfEverything()))
  url = pathToFileURL(file).href
  browser = await launchBrowser()
})
afterAll(async () => {
  await browser?.close()
  rmSync(folder, { recursive: true, force: true })
})

/** A result with every kind of section that a page can have. */
function resultOfEverything(): Result {
  const scenarios = [scenarioOf([1000, 1010, 990, 1005], 120)]
  const steps = [1, 2, 4, 8, 16].flatMap(level =>
    scenarioOf([level * 100]).rounds.map(measurement => ({ level, measurement })),
  )
  const sweeps = (['rate', 'connections'] as const).map((by): Sweep => ({ by, scenario: 'get-user', steps }))
  const base = [scenarioOf([1001, 1000, 997, 1003], 121)]
  const { options } = resultOf([])
  const members = ['bare', SERVICE_NAME].map(name => ({ name, scenarios }))
  const group = { options, reference: 'bare', connections: {}, subjects: members }
  return { ...resultOf(scenarios), base, baseSubject: 'main', sweeps, groups: [group] }
}

const open = (options: Parameters<typeof openPageAt>[2] = {}) => openPageAt(browser, url, options)

it.each([
  ['light', 1400],
  ['dark', 1400],
  ['light', 390],
  ['dark', 390],
] as const)('has nothing that axe-core objects to, in %s at %i pixels', async (colorScheme, width) => {
  const { page, problems } = await open({ colorScheme, width })
  expect(await findAxeViolations(page)).toEqual([])
  expect(problems).toEqual([])
})

it('is not cut at 390 pixels: what is wider than the page scrolls by itself', async () => {
  const { page } = await open({ width: 390 })
  expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(390)
  const cut = await page.evaluate<string[]>(`[...document.querySelectorAll('main *')]
    .filter(element => element.getBoundingClientRect().right > 390 && !element.closest('[tabindex="0"]'))
    .map(element => element.outerHTML.slice(0, 80))`)
  expect(cut).toEqual([])
})

it('lets everything that scrolls be reached by keyboard, under a name', async () => {
  const { page } = await open({ width: 390 })
  const silent = await page.evaluate<string[]>(`[...document.querySelectorAll('main *')]
    .filter(element => element.scrollWidth > element.clientWidth + 1 && getComputedStyle(element).overflowX === 'auto')
    .filter(element => element.tabIndex !== 0 || !element.getAttribute('aria-label'))
    .map(element => element.outerHTML.slice(0, 80))`)
  expect(silent).toEqual([])
})

it('says in its heading what was measured, at which commit, when, and on which machine', async () => {
  const { page } = await open()
  expect(await page.locator('main h1').textContent()).toBe('a <service> at abcdef0 · 2026-01-02')
  expect(await page.locator('main .about').textContent()).toBe('2 × a CPU, kernel 6.1, Node.js v24.0.0.')
})

it('has the legend of many scenarios above their chart, not across it', async () => {
  const scenarios = Array.from({ length: 20 }, (_, i) => ({ ...scenarioOf([1000]), name: `scenario-${i}` }))
  const file = join(folder, 'many.html')
  writeFileSync(file, renderPage(resultOf(scenarios)))
  const { page } = await openPage(browser)
  await page.goto(pathToFileURL(file).href)
  const gaps = await page.evaluate<number[]>(`[...document.querySelectorAll('svg[role=img]')].map(svg => {
    const texts = [...svg.querySelectorAll('text')].map(text => [text.textContent, text.getBoundingClientRect()])
    const legend = texts.filter(([text]) => text.startsWith('scenario-')).map(([, { bottom }]) => bottom)
    const others = texts.filter(([text]) => !text.startsWith('scenario-')).map(([, { top }]) => top)
    return legend.length === 20 ? Math.min(...others) - Math.max(...legend) : NaN
  })`)
  expect(gaps).toHaveLength(2)
  for (const gap of gaps) expect(gap).toBeGreaterThan(-2)
})

it('says in words what each chart shows', async () => {
  const { page } = await open()
  const labels = await page
    .locator('svg[role=img]')
    .evaluateAll(charts => charts.map(chart => chart.getAttribute('aria-label') ?? ''))
  expect(labels).toHaveLength(6)
  for (const label of labels) expect(label).toMatch(/: .*\d/)
})
