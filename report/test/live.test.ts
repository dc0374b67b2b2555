/** The report of a running service: the same twice, with evidence, and without secrets. */
import { beforeAll, describe, expect, it } from 'vitest'
import { createSigningKey } from '../../harness/signing-key.ts'
import type { Report } from '../document/document.ts'
import type { Evidence } from '../document/evidence.ts'
import { renderJson } from '../render/json.ts'
import { renderMarkdown } from '../render/markdown.ts'
import { renderPage } from '../render/page.ts'
import { findChecks } from '../security/find-checks.ts'
import { reportOf, textsOf } from './helpers/report.ts'

/** Values that appear nowhere else: a document with one of them has quoted a variable. */
const CANARIES = {
  METRICS_TOKEN: 'canary-metrics-token-0123456789',
  CORS_ORIGINS: 'https://canary-origin.example',
  JWT_ISSUER: 'canary-issuer',
  JWT_AUDIENCE: 'canary-audience',
  OTEL_SERVICE_NAME: 'canary-service-name',
  DATA_DIR: 'canary-data-dir',
  JWT_PRIVATE_KEY: createSigningKey().privateKey,
}

let sound: Report
/** The report of the same service with other settings. */
let second: Report

beforeAll(async () => {
  // One after the other: checks compare times, and ask again within the minute of a limit.
  sound = await reportOf()
  second = await reportOf({ environment: CANARIES })
})

describe('the sound service', () => {
  it('has nothing that fails', () => {
    const failing = [...textsOf(sound)].filter(([, text]) => text.startsWith('fail'))
    expect(failing).toEqual([])
  })

  it('has the same report a second time, except the measurements, with other values of variables', () => {
    expect(withoutMeasurements(second)).toEqual(withoutMeasurements(sound))
  })

  it('has no value of a variable and no key in any of the three formats', () => {
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

  it('has evidence in every row', () => {
    const rows = sound.sections.flatMap(section => section.rows)
    expect(rows.length).toBeGreaterThan(100)
    for (const { evidence } of rows) expect(evidence.length).toBeGreaterThan(0)
  })

  it('has a row for each of at least 25 checks, each with the clause that requires it', async () => {
    const rows = sound.sections.find(({ id }) => id === 'security')?.rows ?? []
    expect(rows.map(({ id }) => id)).toEqual((await findChecks()).map(({ id }) => id))
    expect(rows.length).toBeGreaterThanOrEqual(25)
    for (const { evidence } of rows) expect(evidence.at(-1)).toMatchObject({ what: 'required by' })
  })

  it('has its stages in the order in which a request runs through them', () => {
    const stages =
      sound.sections.find(({ id }) => id === 'middleware')?.rows.map(({ cells }) => cells[0]) ?? []
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

function withoutMeasurements({ sections }: Report): unknown {
  return sections.map(({ id, rows }) => ({
    id,
    rows: rows
      .filter(row => !row.volatile)
      .map(row => ({ ...row, evidence: row.evidence.flatMap(withoutCounts) })),
  }))
}

/** A busy machine times out or sheds a request now and then, so that the counts and statuses of many requests differ. */
function withoutCounts(item: Evidence): object[] {
  if (item.kind === 'measurement') return []
  if (item.kind !== 'scope') return [item]
  const { expected, routes, methods, actors } = item
  return [{ expected, routes, methods, actors }]
}
