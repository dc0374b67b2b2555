/** What is a valid Backend Implementation Report: the sample and our own, but none of their mutants. */
import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { lint } from '../lint/lint.ts'
import { renderMarkdown } from '../render/markdown.ts'
import { sampleReport } from './helpers/sample-report.ts'

const SAMPLE = readFileSync(new URL('./fixtures/report-sample.md', import.meta.url), 'utf8')
const OURS = renderMarkdown(sampleReport())

it('accepts the sample, indented and with placeholders', () => {
  expect(lint(SAMPLE)).toEqual([])
})

it('accepts what the report renders', () => {
  expect(lint(OURS)).toEqual([])
})

it('accepts a report of a change, and sections that are not available or not measured', () => {
  const changed = edit(OURS, [
    ['| GET | /health | Public | Check whether the process runs |', '| no change | – | – | – |'],
    ['RateLimit', '+RateLimit'],
  ])
  for (const why of ['not available: no bench', 'not measured: this repository has no benchmark suite']) {
    expect(lint(changed.replace(/^.*\| not measured \|.*$/m, `| ${why} | – | – | – |`))).toEqual([])
  }
})

/** Each is one edit of a valid report, and the line of the first deviation. */
const MUTANTS: Record<string, [from: string, to: string, line?: string]> = {
  'a hyphen in the title': ['Report – orders', 'Report - orders'],
  'a title without a date': [' (2026-01-31)', ''],
  'an invalid date': ['2026-01-31', '2026-02-31'],
  'a date in another form': ['2026-01-31', '31.01.2026'],
  'a title of another level': ['## Backend', '# Backend'],
  'prose before the first section': [
    '### Stack Detected',
    'Some words.\n\n### Stack Detected',
    'Some words.',
  ],
  'prose inside a section': ['| Framework |', 'Some words.\n| Framework |', 'Some words.'],
  'prose after a table': [
    '| Framework | Fastify | 5.12.8 |\n',
    '| Framework | Fastify | 5.12.8 |\nWords.\n',
    'Words.',
  ],
  'a heading in other words': ['### Stack Detected', '### Stack'],
  'a heading of another level': ['### Database Changes', '#### Database Changes'],
  'a section that is missing': [section('Database Changes'), '', '### Middleware Stack'],
  'the last section missing': [section('Environment Variables Added'), '', 'LAST'],
  'sections in another order': ['### Security Measures', '### Performance Metrics'],
  'a ninth section': [
    '| REDIS_URL | Shared counters | No |\n',
    '| REDIS_URL | Shared counters | No |\n\n### Notes\nWords.\n',
    '### Notes',
  ],
  'columns in another order': ['| Method | Path |', '| Path | Method |'],
  'a column more': [
    '| Variable | Description | Required |',
    '| Variable | Description | Required | Default |',
  ],
  'a column in other words': ['| P95 |', '| 95th |'],
  'no rule under the columns': ['|--------|------|------|---------|\n', '', '| GET | /health |'],
  'a rule of fewer columns': ['|-----------|-------------|\n', '|-----------|\n', '|-----------|'],
  'a row with a cell too few': ['| GET | /health | Public |', '| GET | /health |'],
  'a row with a bare pipe': ['Check whether', 'Check | whether'],
  'an empty cell': ['| Fastify | 5.12.8 |', '|  | 5.12.8 |'],
  'a row twice': ['| POST | /orders |', '| GET | /health |', 'SECOND'],
  'an unknown method': ['| GET | /health |', '| FETCH | /health |'],
  'an invalid path': ['| GET | /health |', '| GET | health |'],
  'a migration with spaces': ['| 0001_orders |', '| first orders |'],
  'a stack that does not begin with Request': ['Request → ', 'Client → '],
  'a stack that does not end with Response': [' → Response', '', 'Request →'],
  'a stack without a handler': ['Handler', 'Work'],
  'an arrow of ASCII': ['RateLimit → Auth', 'RateLimit -> Auth'],
  'a block without an end': ['403\n```\n', '403\n', '```'],
  'a stack without a block': ['```\nRequest', 'Request', 'Request'],
  'a branch under no stage': ['           │', '  │        ', '  │'],
  'an unknown status': ['└─ 429', '└─ 999'],
  'a branch without a status': ['└─ 429      ', '            ', '401'],
  'a tick on what was not verified': ['- [ ] No secrets', '- [x] No secrets'],
  'not verified without a reason': ['(not verified: there is no Dockerfile)', '(not verified)'],
  'a measure twice': ['- [x] Rate limiting: 100 req/min per IP', '- [x] Input validation', 'SECOND'],
  'a latency without its unit': ['| 12ms | 35ms |', '| 12 | 35ms |'],
  'a latency in seconds': ['| 12ms | 35ms |', '| 12ms | 0.035s |'],
  'a latency of nothing': ['| 12ms | 35ms |', '| 0ms | 35ms |'],
  'a throughput of nothing': ['2000 rps', '0 rps'],
  'a P95 far below the average': ['| 12ms | 35ms |', '| 85ms | 12ms |'],
  'a throughput in other words': ['2000 rps', '2000/s'],
  'a row with only some figures': ['| 12ms | 35ms |', '| not measured | 35ms |'],
  'figures without an endpoint': ['| GET /orders/:id |', '| Orders |'],
  'a path outside the repository': ['| src/orders.ts |', '| /src/orders.ts |'],
  'a path that leaves the repository': ['| src/orders.ts |', '| ../../evil.ts |'],
  'a path of a machine': ['| src/orders.ts |', '| C:/orders.ts |'],
  'a folder without files': ['| src/orders.ts |', '| src/ (0 files) |'],
  'a range in place of a version': ['| 5.12.8 |', '| ^5.12.8 |'],
  'a date in the future': ['2026-01-31', '2999-01-31'],
  'a variable with a dash': ['| REDIS_URL |', '| REDIS-URL |'],
  'a requirement in other words': ['| Shared counters | No |', '| Shared counters | Optional |'],
  'an empty line inside a table': ['| Framework |', '\n| Framework |', 'BLANK'],
}

it.each(Object.entries(MUTANTS))('refuses %s, at its line', (_name, [from, to, line]) => {
  const mutant = edit(OURS, [[from, to]])
  const lines = lint(mutant).map(deviation => deviation.line)
  expect(lines[0]).toBe(expectedLine(mutant, to, line))
})

it('is tested with at least thirty mutants', () => {
  expect(Object.keys(MUTANTS).length).toBeGreaterThanOrEqual(30)
})

it('counts the lines of an indented sample from its first line', () => {
  expect(lint(SAMPLE.replace('| Framework | Fastify | 4.x |', '| Framework | Fastify |'))).toEqual([
    { line: 7, message: 'a row has 3 cells, this one has 2' },
  ])
})

it('refuses an empty text', () => {
  expect(lint('')[0]?.line).toBe(1)
})

function edit(text: string, edits: [string, string][]): string {
  return edits.reduce((rest, [from, to]) => {
    if (!rest.includes(from)) throw new Error(`the report does not contain: ${from}`)
    return rest.replace(from, () => to)
  }, text)
}

/** The line of the edit, counted from 1. */
function expectedLine(text: string, to: string, line: string | undefined): number {
  const lines = text.split('\n')
  const at = (start: string, from = 0) =>
    lines.findIndex((other, index) => index >= from && other.startsWith(start)) + 1
  if (line === 'LAST') return text.trimEnd().split('\n').length
  if (line === 'SECOND') return at(to, at(to))
  if (line === 'BLANK') return at('| Framework') - 1
  if (line === 'ROW BEFORE') return at('### API Endpoints') - 1
  if (line === '401') return lines.findIndex(other => other.includes(' 401')) + 1
  if (line !== undefined) return lines.indexOf(line) + 1 || at(line)
  const offset = text.indexOf(to)
  return text.slice(0, to === '' ? text.search(/\n/) : offset).split('\n').length
}

/** The text of a whole section, with the empty line behind it. */
function section(title: string): string {
  const start = OURS.indexOf(`### ${title}`)
  const end = OURS.indexOf('\n### ', start)
  return OURS.slice(start, end === -1 ? undefined : end + 1)
}
