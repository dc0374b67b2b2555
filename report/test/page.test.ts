/** The HTML page of a report in a real browser: no network, light and dark, any width, paper, keyboard, accessible. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { SERVICE_ID } from '../../src/config/service-name.ts'
import { findAxeViolations, launchBrowser, openPageAt } from '../../test/helpers/browser.ts'
import type { Report } from '../document/document.ts'
import { fact } from '../document/evidence.ts'
import { renderPage } from '../render/page.ts'
import { SCRIPT } from '../render/script.ts'
import { largeReport } from './helpers/large-report.ts'
import { row, sampleReport } from './helpers/sample-report.ts'

let browser: Browser
let folder: string

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), `${SERVICE_ID}-page-`))
  browser = await launchBrowser()
})
afterAll(async () => {
  await browser?.close()
  rmSync(folder, { recursive: true, force: true })
})

let files = 0

async function openReport(report: Report = sampleReport(), options: Parameters<typeof openPageAt>[2] = {}) {
  files += 1
  const file = join(folder, `report-${files}.html`)
  writeFileSync(file, renderPage(report))
  const url = pathToFileURL(file).href
  return { url, ...(await openPageAt(browser, url, options)) }
}

const openAll = (page: Page) =>
  page.evaluate("for (const details of document.querySelectorAll('details')) details.open = true")

describe.each([
  ['light', 1400],
  ['dark', 1400],
  ['light', 390],
] as const)('in %s at %i pixels', (colorScheme, width) => {
  it('has no violations of axe-core, folded and with every row open', async () => {
    const { page } = await openReport(largeReport(), { colorScheme, width })
    expect(await findAxeViolations(page)).toEqual([])
    const small = await openReport(smallReport(), { colorScheme, width })
    await openAll(small.page)
    expect(await findAxeViolations(small.page)).toEqual([])
  })

  it('needs no sideways scrolling, folded and with every row open', async () => {
    const { page } = await openReport(largeReport(), { colorScheme, width })
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(width)
    await openAll(page)
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(width)
  })
})

it('makes no request and violates no policy, and runs its own script only', async () => {
  const { page, url, problems, requests } = await openReport()
  await page.evaluate(
    "document.body.append(Object.assign(document.createElement('script'), { text: 'window.injected = true' }))",
  )
  expect(await page.evaluate('window.injected')).toBeUndefined()
  expect(requests).toEqual([url])
  // The injected script was refused.
  expect(problems.filter(problem => !problem.includes('script-src'))).toEqual([])
  expect(problems.length).toBeGreaterThan(0)
  expect(renderPage(sampleReport()).replace(SCRIPT, '')).not.toMatch(
    /<script[^>]*>[^<]|https?:\/\/(?!www\.w3\.org\/)|<(link|iframe|object|img)\b/,
  )
})

describe('the first screen', () => {
  it('names the service, counts the rows by outcome, and links to each row that did not pass', async () => {
    const { page } = await openReport({ ...sampleReport(), description: 'Takes orders' })
    const header = page.locator('header')
    expect(await header.getByRole('heading', { level: 1 }).innerText()).toBe('orders')
    await header.getByText('Takes orders').waitFor()
    expect(await header.locator('.verdict li').allInnerTexts()).toEqual([
      expect.stringMatching(/^17\s+✓ passed$/),
      expect.stringMatching(/^2\s+✗ failed$/),
      expect.stringMatching(/^1\s+\? not verified$/),
      expect.stringMatching(/^1\s+– not measured$/),
    ])
    const links = header.locator('.findings.fail a')
    expect(await links.allInnerTexts()).toEqual(['0002_lines', 'CORS configured for allowed origins'])
    await links.last().click()
    const target = page.locator('#security details.fail')
    await target.locator('.evidence').waitFor()
    const { y } = (await target.boundingBox()) ?? { y: -1 }
    expect(y).toBeGreaterThanOrEqual(0)
    expect(y).toBeLessThan(1000)
  })

  it('has the verdict, the failures and the plot within a desktop window', async () => {
    const { page } = await openReport(largeReport())
    const places = ['.verdict', '.findings.fail a', 'figure.latency .axis']
    const boxes = await Promise.all(
      places.map(place => page.locator(`header ${place}`).first().boundingBox()),
    )
    const bottoms = boxes.map(box => (box ? box.y + box.height : Number.POSITIVE_INFINITY))
    expect(Math.max(...bottoms)).toBeLessThanOrEqual(1000)
  })

  it('says where nothing failed, and why nothing was measured', async () => {
    const unmeasured = row(['GET /orders', 'not measured', 'not measured', 'not measured'], 'not verified')
    const { page } = await openReport(
      sampleReport({
        database: [row(['0001_orders', 'x'])],
        security: [row(['Input validation'])],
        performance: [{ ...unmeasured, evidence: [fact('not measured', 'no bench was run')] }],
      }),
    )
    const header = page.locator('header')
    await header.getByText('Nothing failed.').waitFor()
    await header.getByText('Latency was not measured (1 row): no bench was run.').waitFor()
  })

  it('plots the latencies, before and after a change, with the figures as text', async () => {
    const curve = (what: string, factor: number) => ({
      kind: 'measurement' as const,
      what,
      unit: 'ms',
      value: 35,
      samples: 1000,
      percentiles: [50, 95, 99].map((percentile): [number, number] => [percentile, percentile * factor]),
    })
    const { page } = await openReport(
      sampleReport({
        performance: [
          row(['GET /orders', '12ms', '35ms', '2000 rps'], 'pass', [
            curve('latency', 2),
            curve('latency in main', 1),
          ]),
        ],
      }),
    )
    const line = page.locator('figure.latency li')
    expect(await line.innerText()).toContain(
      'p50 100, p95 190, p99 198, before p50 50, p95 95, p99 99 · 2000 rps',
    )
    const left = async (place: string) => (await line.locator(place).boundingBox())?.x ?? 0
    expect(await left('.dot:not(.base)')).toBeGreaterThan(await left('.dot.base'))
  })
})

describe('the keyboard', () => {
  it('needs tens of tab stops, and reaches the sections with the first', async () => {
    const { page } = await openReport(largeReport())
    expect(await countTabStops(page)).toBeLessThanOrEqual(60)
    const again = await openReport()
    await again.page.keyboard.press('Tab')
    await again.page.keyboard.press('Enter')
    expect(again.page.url()).toContain('#sections')
    await again.page.keyboard.press('Tab')
    expect(await again.page.evaluate("document.activeElement.closest('section').id")).toBe('stack')
  })

  it('opens each row to its evidence, and moves between rows with the arrow keys', async () => {
    const { page } = await openReport()
    const first = page.locator('#endpoints .rows summary').first()
    await first.focus()
    await page.keyboard.press('Enter')
    const evidence = page.locator('#endpoints .evidence').first()
    await evidence.getByText('no credentials').waitFor()
    await evidence.getByText('neither 401 nor 403').waitFor()
    await page.keyboard.press('ArrowDown')
    expect(await page.evaluate('document.activeElement.textContent')).toContain('/orders')
    await page.keyboard.press('Home')
    await page.keyboard.press('Enter')
    await evidence.waitFor({ state: 'hidden' })
  })

  it('works without the script', async () => {
    const { page } = await openReport()
    const context = await browser.newContext({ javaScriptEnabled: false })
    const plain = await context.newPage()
    await plain.goto(page.url())
    await plain.locator('#security details.fail summary').click()
    await plain.locator('#security details.fail .evidence').waitFor()
    await context.close()
  })
})

it('shows states in words and shapes beside colours', async () => {
  const { page } = await openReport()
  expect(await page.locator('#security > details > summary .counts').innerText()).toMatch(/✓ 2.*✗ 1.*\? 1/s)
  const failing = page.locator('#security details.fail summary')
  expect(await failing.textContent()).toMatch(/✗.*Failed\..*CORS configured/)
})

it('shows that rows open, and folds sections', async () => {
  const { page } = await openReport()
  const chevron = page.locator('#stack .rows .chevron').first()
  const box = await chevron.boundingBox()
  expect(box?.width).toBeGreaterThan(5)
  expect(box?.height).toBeGreaterThan(5)
  await page.locator('#stack h2').click()
  await page.locator('#stack .rows').waitFor({ state: 'hidden' })
})

it('groups files by folder, with the purpose of the folder', async () => {
  const { page } = await openReport(largeReport())
  const groups = page.locator('#files .group')
  expect(await groups.count()).toBeLessThan(40)
  const notes = groups.filter({ hasText: 'src/notes/' })
  expect(await notes.locator('summary').innerText()).toMatch(/src\/notes\/ 9 files\s+Notes of users/)
  await notes.locator('summary').click()
  await notes.getByText('src/notes/file-0.ts', { exact: true }).waitFor()
})

it('draws the middleware with the statuses that each stage sends', async () => {
  const { page } = await openReport()
  expect(await page.locator('.pipeline > li').allInnerTexts()).toEqual([
    'Request',
    expect.stringMatching(/^RateLimit\s+sends\s+429$/),
    expect.stringMatching(/^Auth\s+sends\s+401 403$/),
    expect.stringMatching(/^Validate\s+sends\s+400$/),
    'Handler',
    expect.stringMatching(/^Serialize\s+sends\s+Transform$/),
    'Response',
  ])
})

it('folds the measures that passed in a report of a change to one line', async () => {
  const report = sampleReport()
  report.range.base = { commit: 'abc', ref: 'main', dirty: false }
  const { page } = await openReport(report)
  await page.locator('#security').getByText('2 measures passed').waitFor()
  await page.locator('#security summary').getByText('CORS configured').waitFor()
  await page.locator('#security summary').getByText('Input validation').waitFor({ state: 'hidden' })
})

it('prints a report of a whole service on at most 6 pages, with every section and no folded evidence', async () => {
  const { page } = await openReport(largeReport())
  const pdf = await page.pdf({ preferCSSPageSize: true })
  const pages = pdf.toString('latin1').match(/\/Type\s*\/Page\b/g) ?? []
  expect(pages.length).toBeGreaterThan(1)
  expect(pages.length).toBeLessThanOrEqual(6)
  await page.emulateMedia({ media: 'print' })
  await page.locator('#environment').getByText('OPTION_75').first().waitFor()
  expect(await page.locator('.evidence').filter({ visible: true }).count()).toBe(0)
})

it('plots the percentiles of a measured endpoint in its evidence', async () => {
  const { page } = await openReport()
  const plot = page.locator('#performance figure svg')
  expect(await plot.count()).toBe(1)
  expect(await plot.getAttribute('aria-label')).toContain('p95 35 ms')
})

describe('beside the sections', () => {
  it('shows tests, dependencies, error statuses and known issues', async () => {
    const { page } = await openReport(largeReport())
    await openAll(page)
    await page.locator('#tests').getByText('refuses an order').waitFor()
    await page.locator('#tests').getByText('before the commit was made').waitFor()
    await page.locator('#dependencies').getByText('fastify', { exact: true }).waitFor()
    expect(await page.locator('#statuses tbody tr').first().innerText()).toMatch(/400, 404\s+404\s+500/)
    await page.locator('#known-issues').getByText('Refunds take a day').waitFor()
  })

  it('says where test results were not given', async () => {
    const { page } = await openReport()
    await page.locator('#tests').getByText('No test results were given').waitFor()
  })
})

it('has another background in the dark', async () => {
  const colours = await Promise.all(
    (['light', 'dark'] as const).map(async colorScheme => {
      const { page } = await openReport(sampleReport(), { colorScheme })
      return page.evaluate<string>('getComputedStyle(document.body).backgroundColor')
    }),
  )
  expect(new Set(colours).size).toBe(2)
})

describe('hostile text', () => {
  const HOSTILE = `</script></style></title><script>window.hacked=1</script><img src=x onerror=window.hacked=1>"'&\` javascript:x`

  it('is shown as text in every cell, and runs nothing', async () => {
    const { page, problems, requests } = await openReport(hostileReport(HOSTILE))
    await openAll(page)
    expect(await page.evaluate('window.hacked')).toBeUndefined()
    expect(await page.locator('img').count()).toBe(0)
    expect(await page.locator('script').count()).toBe(1)
    expect(problems).toEqual([])
    expect(requests).toHaveLength(1)
    expect(await page.locator('h1').innerText()).toBe(HOSTILE)
  })

  it('cannot become the address of a link or a part of an attribute', () => {
    const html = renderPage(hostileReport('" onfocus="x" href="javascript:alert(1)'))
    expect(html.match(/href="(?!#)/g)).toBeNull()
    expect(html).not.toMatch(/ onfocus="/)
  })
})

/** Returns a report with rows of each kind and all that stands beside the sections: axe-core takes long for many rows. */
function smallReport(): Report {
  return { ...largeReport(), sections: sampleReport().sections }
}

/** Returns a report with the text in every field that holds text. */
function hostileReport(text: string): Report {
  const all = largeReport()
  const known = new Set(['kind', 'id', 'state', 'change', 'date'])
  const replace = (value: unknown, key = ''): unknown => {
    if (typeof value === 'string') return known.has(key) ? value : text
    if (Array.isArray(value)) return value.slice(0, 3).map(item => replace(item, key))
    if (typeof value !== 'object' || value === null) return value
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, replace(item, name)]))
  }
  const report = replace(all) as Report
  for (const section of report.sections) {
    for (const [index, own] of section.rows.entries()) own.id = `${text} ${index}`
  }
  return report
}

/** Presses Tab until the focus is where it has been. */
async function countTabStops(page: Page): Promise<number> {
  const seen = new Set<string>()
  for (let presses = 0; presses < 1000; presses++) {
    await page.keyboard.press('Tab')
    const place = await page.evaluate<string>(
      "(() => { const e = document.activeElement; return e === document.body ? '' : [...document.querySelectorAll('*')].indexOf(e) + '' })()",
    )
    if (place === '' || seen.has(place)) break
    seen.add(place)
  }
  return seen.size
}
