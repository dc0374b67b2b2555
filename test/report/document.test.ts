/** The document as a whole: the same twice, without a secret, in its published schema, and found out where it lies. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Ajv } from 'ajv'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Report } from '../../report/document/document.ts'
import { renderSchema, SCHEMA_FILE } from '../../report/document/schema-file.ts'
import { lint } from '../../report/lint/lint.ts'
import { renderJson } from '../../report/render/json.ts'
import { renderMarkdown } from '../../report/render/markdown.ts'
import { renderPage } from '../../report/render/page.ts'
import { PROBES } from '../../report/security/probes/index.ts'
import { createSigningKey } from '../helpers/config.ts'
import { LIVE, reportOf } from '../helpers/report.ts'
import { runReport } from '../helpers/repository-copy.ts'
import { sampleReport } from './sample-report.ts'

/** Words that stand nowhere else: a document that holds one has quoted a variable. */
const CANARIES = {
  METRICS_TOKEN: 'canary-metrics-token-0123456789',
  CORS_ORIGINS: 'https://canary-origin.example',
  JWT_ISSUER: 'canary-issuer',
  JWT_AUDIENCE: 'canary-audience',
  OTEL_SERVICE_NAME: 'canary-service-name',
  DATA_DIR: 'canary-data-dir',
  JWT_PRIVATE_KEY: createSigningKey().privateKey,
}

const folder = mkdtempSync(join(tmpdir(), 'plumbline-document-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('two runs of one version', () => {
  let first: Report
  let second: Report

  beforeAll(async () => {
    first = await reportOf()
    second = await reportOf({ environment: CANARIES })
  }, 120_000)

  it('say the same but for the measurements, and whatever the variables hold', () => {
    expect(withoutMeasurements(second)).toEqual(withoutMeasurements(first))
  })

  it('hold no value of a variable and no key, in none of the three forms', () => {
    const documents = [renderMarkdown(second), renderJson(second), renderPage(second)]
    const secrets = [
      ...Object.values(CANARIES),
      ...CANARIES.JWT_PRIVATE_KEY.split('\n').filter(line => line.length > 40),
    ]
    for (const document of documents) {
      for (const secret of secrets) expect(document).not.toContain(secret)
      expect(document).not.toMatch(/eyJ[\w-]{10,}\.eyJ|postgres:\/\/|canary/)
    }
  })

  it('have evidence behind every row', () => {
    const rows = first.sections.flatMap(section => section.rows)
    expect(rows.length).toBeGreaterThan(100)
    for (const { evidence } of rows) expect(evidence.length).toBeGreaterThan(0)
  })

  it('have a row for each of at least 25 probes, each with the clause that asks for it', () => {
    const rows = first.sections.find(({ id }) => id === 'security')?.rows ?? []
    expect(rows.map(({ id }) => id)).toEqual(PROBES.map(({ id }) => id))
    expect(rows.length).toBeGreaterThanOrEqual(25)
    for (const { evidence } of rows) expect(evidence.at(-1)).toMatchObject({ what: 'asked for by' })
  })

  it('draw the stages in the order in which a request meets them', () => {
    const stages =
      first.sections.find(({ id }) => id === 'middleware')?.rows.map(({ cells }) => cells[0]) ?? []
    const order = [
      'Tracing',
      'SecurityHeaders',
      'RateLimit',
      'Auth',
      'Parse',
      'Validate',
      'Handler',
      'Serialize',
    ]
    expect(stages.filter(stage => order.includes(stage ?? ''))).toEqual(order)
  })
})

describe('the published schema', () => {
  it('is the one that the documents are made by', () => {
    expect(JSON.parse(readFileSync(SCHEMA_FILE, 'utf8'))).toEqual(JSON.parse(renderSchema()))
  })

  it('takes a report, and refuses a row without evidence', () => {
    const validate = new Ajv({ strict: false }).compile(JSON.parse(readFileSync(SCHEMA_FILE, 'utf8')))
    const report = JSON.parse(renderJson(sampleReport()))
    expect(validate(report)).toBe(true)
    report.sections[0].rows[0].evidence = []
    expect(validate(report)).toBe(false)
  })
})

describe('verify', () => {
  const SECTIONS = 'endpoints,database,performance,environment'

  it('finds the rows that lie, and the Markdown that is another, and nothing else', async () => {
    const made = await runReport(['--bench', 'none', '--sections', SECTIONS, '--out', folder])
    expect(made.code).toBe(0)
    const file = join(folder, 'report.json')
    const report = JSON.parse(readFileSync(file, 'utf8')) as Report
    tell(report, 'endpoints', 'GET /api/v1/users', row => row.cells.splice(2, 1, 'Public'))
    tell(report, 'environment', 'HOST', row =>
      Object.assign(row, { id: 'HOSTNAME', cells: ['HOSTNAME', 'x', 'No'] }),
    )
    writeFileSync(file, JSON.stringify(report))
    const { code, stdout } = await runReport(['verify', file])
    expect(stdout.trim().split('\n').sort()).toEqual([
      'API Endpoints Implemented: "GET | /api/v1/users | Public | List users" is now "GET | /api/v1/users | JWT + admin | List users" (pass)',
      'Environment Variables Added: "HOST | Address to listen on | No" is missing',
      'Environment Variables Added: "HOSTNAME | x | No" is no longer there',
      'report.md is not what report.json renders to',
    ])
    expect(code).toBe(1)
  }, 120_000)
})

it('renders all eight sections so that lint accepts them', () => {
  expect(lint(renderMarkdown(sampleReport()))).toEqual([])
  expect(LIVE).toHaveLength(6)
})

type Row = Report['sections'][number]['rows'][number]

function tell({ sections }: Report, section: string, id: string, change: (row: Row) => unknown): void {
  const row = sections.find(other => other.id === section)?.rows.find(other => other.id === id)
  if (!row) throw new Error(`no row ${id}`)
  change(row)
}

function withoutMeasurements({ sections }: Report): unknown {
  return sections.map(({ id, rows }) => ({
    id,
    rows: rows
      .filter(row => !row.volatile)
      .map(row => ({ ...row, evidence: row.evidence.filter(({ kind }) => kind !== 'measurement') })),
  }))
}
