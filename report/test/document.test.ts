/** The document: valid in its published schema, and verified against the running service. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Ajv } from 'ajv'
import { afterAll, describe, expect, it } from 'vitest'
import { SERVICE_ID } from '../../src/config/service-name.ts'
import { LIVE } from '../collect.ts'
import type { Report } from '../document/document.ts'
import { renderSchema, SCHEMA_FILE } from '../document/schema-file.ts'
import { lint } from '../lint/lint.ts'
import { renderJson } from '../render/json.ts'
import { renderMarkdown } from '../render/markdown.ts'
import { runReport } from './helpers/run-report.ts'
import { sampleReport } from './helpers/sample-report.ts'

const folder = mkdtempSync(join(tmpdir(), `${SERVICE_ID}-document-`))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('the published schema', () => {
  it('is generated from the TypeBox schema', () => {
    expect(JSON.parse(readFileSync(SCHEMA_FILE, 'utf8'))).toEqual(JSON.parse(renderSchema()))
  })

  it('accepts a report, and refuses a row without evidence', () => {
    const validate = new Ajv({ strict: false }).compile(JSON.parse(readFileSync(SCHEMA_FILE, 'utf8')))
    const report = JSON.parse(renderJson(sampleReport()))
    expect(validate(report)).toBe(true)
    report.sections[0].rows[0].evidence = []
    expect(validate(report)).toBe(false)
  })
})

describe('verify', () => {
  const SECTIONS = 'endpoints,database,performance,environment'

  it('finds the rows that are not true and the Markdown that differs, and nothing else', async () => {
    const made = await runReport(['--bench', 'none', '--sections', SECTIONS, '--out', folder])
    expect([made.code, made.stderr]).toEqual([0, ''])
    const file = join(folder, 'report.json')
    const report = JSON.parse(readFileSync(file, 'utf8')) as Report
    falsify(report, 'endpoints', 'GET /api/v1/users', row => row.cells.splice(2, 1, 'Public'))
    falsify(report, 'environment', 'HOST', row =>
      Object.assign(row, { id: 'HOSTNAME', cells: ['HOSTNAME', 'x', 'No'] }),
    )
    writeFileSync(file, JSON.stringify(report))
    const { code, stdout } = await runReport(['verify', file, '--sections', SECTIONS])
    const lines = stdout.trim().split('\n')
    expect(lines.pop()).toMatch(/Not checked: the figures of \d+ performance rows; /)
    // A developer runs this with uncommitted changes too.
    expect(lines.filter(line => !line.startsWith('the report was made with uncommitted')).sort()).toEqual([
      'API Endpoints Implemented: "GET | /api/v1/users | Public | List users" is now "GET | /api/v1/users | JWT + admin | List users" (pass)',
      'Environment Variables Added: "HOST | Address to listen on | No" is missing',
      'Environment Variables Added: "HOSTNAME | x | No" is no longer there',
      'report.md differs from what report.json renders to',
    ])
    expect(code).toBe(1)
  })
})

it('renders all eight sections so that lint accepts them', () => {
  expect(lint(renderMarkdown(sampleReport()))).toEqual([])
  expect(LIVE).toHaveLength(6)
})

type Row = Report['sections'][number]['rows'][number]

function falsify({ sections }: Report, section: string, id: string, change: (row: Row) => unknown): void {
  const row = sections.find(other => other.id === section)?.rows.find(other => other.id === id)
  if (!row) throw new Error(`no row ${id}`)
  change(row)
}
