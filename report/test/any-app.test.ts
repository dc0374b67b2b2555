/** The report of an app that knows nothing of this repository: what can be seen from outside, and why not the rest. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { SERVICE_ID } from '../../src/config/service-name.ts'
import { rowOf } from '../../test/helpers/report.ts'
import { runReport } from '../../test/helpers/repository-copy.ts'
import type { Report } from '../document/document.ts'
import { lint } from '../lint/lint.ts'

const APP = fileURLToPath(new URL('../../test/fixtures/generic-app.ts', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), `${SERVICE_ID}-any-`))

let ended: Awaited<ReturnType<typeof runReport>>
let report: Report

beforeAll(async () => {
  ended = await runReport(['--app', APP, '--feature', 'notes', '--out', folder], undefined, {
    NOTES_TOKEN: 'canary-of-notes',
  })
  report = JSON.parse(readFileSync(join(folder, 'report.json'), 'utf8'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

it('is an app of some thirty lines', () => {
  expect(readFileSync(APP, 'utf8').trim().split('\n').length).toBeLessThanOrEqual(35)
})

it('is a valid report, and its exit code says that measures are missing', () => {
  expect(ended.stderr).toBe('')
  expect(lint(ended.stdout)).toEqual([])
  expect(ended.code).toBe(1)
})

it('finds the endpoints, their guards and what they are for', () => {
  expect(rowOf(report, 'endpoints', 'GET /notes/:id')).toMatchObject({
    state: 'pass',
    text: 'GET | /notes/:id | Public | Read a note',
  })
  expect(rowOf(report, 'endpoints', 'POST /notes')).toMatchObject({
    state: 'pass',
    text: 'POST | /notes | Token | Add a note',
  })
})

it('finds the stack and draws the middleware with what it answers', () => {
  expect(ended.stdout).toContain('| Framework | Fastify | ')
  expect(ended.stdout).toContain('Request → NameServer → RequireToken → Handler → Serialize → Response\n')
  expect(rowOf(report, 'middleware', 'onRequest RequireToken')?.text).toBe('RequireToken | 401')
})

it('probes what needs HTTP alone: what is missing is not ticked', () => {
  expect(rowOf(report, 'security', 'error-leaks')?.state).toBe('pass')
  expect(rowOf(report, 'security', 'no-fingerprint')?.state).toBe('pass')
  expect(rowOf(report, 'security', 'rate-limit')).toMatchObject({ state: 'fail', text: 'Rate limiting' })
  expect(rowOf(report, 'security', 'security-headers')?.state).toBe('fail')
})

it('names the variables that the code asked for, and no value', () => {
  expect(rowOf(report, 'environment', 'NOTES_TOKEN')?.text).toBe(
    'NOTES_TOKEN | not available: the app has no config schema | No',
  )
  expect(JSON.stringify(report) + ended.stdout).not.toContain('canary-of-notes')
})

it('says why the rest is not available', () => {
  for (const section of ['database', 'performance'] as const) {
    expect(rowOf(report, section, 'not-available')?.text).toMatch(/^not available: \S/)
  }
  expect(rowOf(report, 'security', 'not-available')?.text).toMatch(/^\d+ further measures \(not verified: /)
})
