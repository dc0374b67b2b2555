/** Opens pages in a real Chromium that can reach only this host, and collects their errors. */
import { accessSync, constants, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { delimiter, join } from 'node:path'
import { type Browser, chromium, type Page } from 'playwright-core'

const NAMES = ['chromium', 'chromium-browser', 'google-chrome']

const ARGUMENTS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  // Offline: a request to another host fails, and the test sees it.
  '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost',
]

const REPORT_VIOLATIONS = `document.addEventListener('securitypolicyviolation', event =>
  console.error('refused by the policy:', event.violatedDirective, event.blockedURI))`

/** Starts Chromium with a profile of its own. The caller closes it. */
export function launchBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: findChromium(), args: ARGUMENTS })
}

/** Opens a new page. `problems` are errors, warnings and violations of the content security policy; `requests` all URLs. */
export async function openPage(browser: Browser) {
  const page = await browser.newPage({ viewport: { width: 1400, height: 1000 } })
  const problems: string[] = []
  const requests: string[] = []
  page.on('pageerror', error => problems.push(error.message))
  page.on('console', message => {
    if (['error', 'warning'].includes(message.type())) problems.push(message.text())
  })
  page.on('request', request => requests.push(request.url()))
  await page.addInitScript(REPORT_VIOLATIONS)
  return { page, problems, requests }
}

/** Opens a new page at an address, with a colour scheme and a width. */
export async function openPageAt(
  browser: Browser,
  url: string,
  { colorScheme = 'light', width }: { colorScheme?: 'light' | 'dark'; width?: number } = {},
) {
  const opened = await openPage(browser)
  const { page } = opened
  await page.emulateMedia({ colorScheme })
  if (width !== undefined) await page.setViewportSize({ width, height: 800 })
  await page.goto(url)
  return opened
}

const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js')

type AxeResults = { violations: { id: string; nodes: { html: string }[] }[] }

/** Returns the violations that axe-core finds on a page: each rule, with the elements that break it. */
export async function findAxeViolations(page: Page): Promise<[rule: string, elements: string[]][]> {
  // The policy of the page may allow no script. An evaluation by devtools is no script of the page.
  await page.evaluate(readFileSync(AXE, 'utf8'))
  const { violations } = await page.evaluate<AxeResults>('axe.run(document)')
  return violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)])
}

function findChromium(): string {
  const folders = (process.env.PATH ?? '').split(delimiter)
  const found = folders.flatMap(folder => NAMES.map(name => join(folder, name))).find(isExecutable)
  if (found === undefined) throw new Error(`This test needs one of ${NAMES.join(', ')} on the PATH`)
  return found
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}
