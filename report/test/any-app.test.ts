/** The report of an app that is independent of this repository: what it shows, and why the rest is not available. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { SERVICE_ID } from '../../src/config/service-name.ts'
import type { Report } from '../document/document.ts'
import { lint } from '../lint/lint.ts'
import { rowOf } from './helpers/report.ts'
import { runReport } from './helpers/run-report.ts'

const APP = fileURLToPath(new URL('./fixtures/generic-app.ts', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), `${SERVICE_ID}-any-`))

let ended: Awaited<ReturnType<typeof runReport>>
let markdown: string
let report: Report

beforeAll(async () => {
  ended = await runReport(
    ['--app', APP, '--allow-writes', '--feature', 'notes', '--out', folder],
    undefined,
    {
      NOTES_TOKEN: 'canary-of-notes',
    },
  )
  report = JSON.parse(readFileSync(join(folder, 'report.json'), 'utf8'))
  markdown = readFileSync(join(folder, 'report.md'), 'utf8')
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

it('is an app of at most 35 lines', () => {
  expect(readFileSync(APP, 'utf8').trim().split('\n').length).toBeLessThanOrEqual(35)
})

it('is a valid report, with an exit code for missing measures', () => {
  expect(ended.stderr).toBe('')
  expect(lint(markdown)).toEqual([])
  expect(ended.code).toBe(1)
})

it('finds the endpoints, their guards and their purpose', () => {
  expect(rowOf(report, 'endpoints', 'GET /notes/:id')).toMatchObject({
    state: 'pass',
    text: 'GET | /notes/:id | Public | Read a note',
  })
  expect(rowOf(report, 'endpoints', 'POST /notes')).toMatchObject({
    state: 'pass',
    text: 'POST | /notes | Token | Add a note',
  })
})

it('finds the stack and draws the middleware with its statuses', () => {
  expect(markdown).toContain('| Framework | Fastify | ')
  expect(markdown).toContain('Request → NameServer → RequireToken → Handler → Serialize → Response\n')
  expect(rowOf(report, 'middleware', 'onRequest RequireToken')?.text).toBe('RequireToken | 401')
})

it('runs the checks that need HTTP only, and ticks no missing measure', () => {
  expect(rowOf(report, 'security', 'error-leaks')?.state).toBe('pass')
  expect(rowOf(report, 'security', 'no-fingerprint')?.state).toBe('pass')
  expect(rowOf(report, 'security', 'rate-limit')).toMatchObject({ state: 'fail', text: 'Rate limiting' })
  expect(rowOf(report, 'security', 'security-headers')?.state).toBe('fail')
})

it('names the variables that the code has read, without their values', () => {
  expect(rowOf(report, 'environment', 'NOTES_TOKEN')?.text).toBe(
    'NOTES_TOKEN | not available: the app has no config schema | No',
  )
  expect(JSON.stringify(report) + markdown + ended.stdout).not.toContain('canary-of-notes')
})

it('gives the reason where a section is not available', () => {
  for (const section of ['database', 'performance'] as const) {
    expect(rowOf(report, section, 'not-available')?.text).toMatch(/^not available: \S/)
  }
  expect(rowOf(report, 'security', 'not-available')?.text).toMatch(/^\d+ further measures \(not verified: /)
})
