/** The result on the terminal: counts, rows that did not pass with their reasons, 80 columns, and colours only for people. */
import { stripVTControlCharacters } from 'node:util'
import { describe, expect, it } from 'vitest'
import { hasColours } from '../commands/colours.ts'
import { fact } from '../document/evidence.ts'
import { renderSummary } from '../render/summary.ts'
import { row, sampleReport } from './helpers/sample-report.ts'

const files = ['report/out/report.html', 'report/out/report.md', 'report/out/report.json']

describe('the summary', () => {
  it('ends with the counts and the files', () => {
    const lines = renderSummary(sampleReport(), { files, colours: false }).trimEnd().split('\n')
    expect(lines.slice(-4)).toEqual([
      '✓ 17 passed   ✗ 2 failed   ? 1 not verified   – 1 not measured',
      ...files.map(file => `  ${file}`),
    ])
  })

  it('lists each row that failed or was not verified, with its reason', () => {
    const failed = row(['0003_refunds', 'Creates table refunds (not applied)'], 'fail', [
      fact('drizzle.__drizzle_migrations', 'no row', { is: 'a row with the hash', met: false }),
    ])
    const text = renderSummary(sampleReport({ database: [failed] }), { files, colours: false })
    expect(text).toContain('  ✗ Database Changes: 0003_refunds | Creates table refunds (not applied)\n')
    expect(text).toContain('      drizzle.__drizzle_migrations: no row, expected a row with the hash\n')
    expect(text).toContain('  ? Security Measures: No secrets from the image (not verified: there is no\n')
  })

  it('gives a request and its response as the reason', () => {
    const failed = row(['CORS configured'], 'fail', [
      {
        kind: 'exchange',
        sent: 'a foreign origin',
        request: 'GET /orders',
        status: 200,
        expected: 'no permission',
        met: false,
      },
    ])
    const text = renderSummary(sampleReport({ security: [failed] }), { files, colours: false })
    expect(text).toContain('      GET /orders with a foreign origin: 200, expected no permission\n')
  })

  it('is at most 80 columns wide, and a cell cannot move the cursor', () => {
    const long = row([`\u001b[2J${'a'.repeat(200)} ${'words '.repeat(40)}`], 'fail')
    const text = renderSummary(sampleReport({ security: [long] }), { files, colours: false })
    expect(Math.max(...text.split('\n').map(line => line.length))).toBeLessThanOrEqual(80)
    expect(text).not.toContain('\u001b')
  })

  it('lists at most 20 rows of a kind, and counts the others', () => {
    const failing = Array.from({ length: 25 }, (_, index) => row([`Measure ${index}`], 'fail'))
    const text = renderSummary(sampleReport({ security: failing, database: [row(['0001', 'x'])] }), {
      files,
      colours: false,
    })
    expect(text).toContain('Measure 19')
    expect(text).not.toContain('Measure 20')
    expect(text).toContain('  and 5 more rows failed\n')
  })

  it('has the same text with colours', () => {
    const text = renderSummary(sampleReport(), { files, colours: true })
    expect(text).toContain('\u001b[31m✗ 2 failed\u001b[0m')
    expect(stripVTControlCharacters(text)).toBe(renderSummary(sampleReport(), { files, colours: false }))
  })
})

it.each([
  ['a terminal', { isTTY: true }, {}, true],
  ['a pipe', {}, {}, false],
  ['NO_COLOR', { isTTY: true }, { NO_COLOR: '1' }, false],
  ['an empty NO_COLOR', { isTTY: true }, { NO_COLOR: '' }, true],
  ['a dumb terminal', { isTTY: true }, { TERM: 'dumb' }, false],
])('decides on colours: %s', (_name, stream, environment, expected) => {
  expect(hasColours(stream, environment)).toBe(expected)
})
