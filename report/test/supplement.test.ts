/** What a document has beside its sections: tests, dependencies, error statuses, known issues, folders. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { SERVICE_ID } from '../../src/config/service-name.ts'
import { collectDependencies } from '../supplement/dependencies.ts'
import { collectFolders } from '../supplement/folders.ts'
import { collectKnownIssues } from '../supplement/known-issues.ts'
import { collectStatuses } from '../supplement/statuses.ts'
import { readTests } from '../supplement/tests.ts'
import { row } from './helpers/sample-report.ts'

describe('the test results', () => {
  const results = {
    numPassedTests: 3,
    numFailedTests: 1,
    numPendingTests: 2,
    startTime: Date.parse('2026-01-31T12:00:00Z'),
    testResults: [
      {
        name: '/app/test/orders.test.ts',
        status: 'failed',
        assertionResults: [
          { fullName: 'places an order', status: 'passed', failureMessages: [] },
          {
            fullName: 'refuses it',
            status: 'failed',
            failureMessages: ['\u001b[31mexpected 400\u001b[0m\nat x'],
          },
        ],
      },
      { name: '/app/test/broken.test.ts', status: 'failed', message: 'no such module', assertionResults: [] },
    ],
  }

  it('are counted, with each failure and its first line', () => {
    const { file, folder } = write('results.json', JSON.stringify(results))
    expect(readTests(file, '/app', undefined)).toEqual({
      file: 'results.json',
      passed: 3,
      failed: 2,
      skipped: 2,
      files: 2,
      started: '2026-01-31T12:00:00.000Z',
      failures: [
        { file: 'test/orders.test.ts', name: 'refuses it', message: 'expected 400' },
        { file: 'test/broken.test.ts', name: 'the file itself', message: 'no such module' },
      ],
    })
    expect(folder).not.toBe('/app')
  })

  it('are doubted where the run is older than the commit', () => {
    const { file } = write('results.json', JSON.stringify(results))
    expect(readTests(file, '/app', results.startTime + 1).doubt).toContain('before the commit')
    expect(readTests(file, '/app', results.startTime - 1).doubt).toBeUndefined()
  })

  it.each([
    ['nothing', undefined],
    ['text', 'passed'],
    ['other JSON', '{"passed":3}'],
  ])('are refused where the file has %s', (_name, text) => {
    const { file } = write('results.json', text ?? '')
    expect(() => readTests(text === undefined ? `${file}.missing` : file, '/app', undefined)).toThrow(
      /^--tests /,
    )
  })
})

describe('the dependencies', () => {
  const lock = (packages: object) => JSON.stringify({ packages })
  const reader = (files: Record<string, string>) => async (path: string) => files[path]
  const head = reader({
    'package.json': '{}',
    'package-lock.json': lock({
      '': { dependencies: { fastify: '^5.0.0', pg: '^8.0.0' }, devDependencies: { tool: '*' } },
      tool: { dependencies: { echarts: '6.1.0' } },
      'node_modules/fastify': { version: '5.12.8' },
      'node_modules/pg': { version: '8.23.1' },
      'node_modules/echarts': { version: '6.1.0' },
      'node_modules/tool': { link: true },
    }),
  })

  it('are the direct ones with their installed versions, without links to workspaces', async () => {
    expect(await collectDependencies(head)).toEqual({
      direct: [
        { name: 'fastify', kind: 'runtime', version: '5.12.8' },
        { name: 'pg', kind: 'runtime', version: '8.23.1' },
        { name: 'echarts', kind: 'runtime', version: '6.1.0' },
      ],
      installed: { total: 3 },
    })
  })

  it('of a change are those that it added, changed and removed', async () => {
    const base = reader({
      'package.json': '{}',
      'package-lock.json': lock({
        '': { dependencies: { fastify: '^5.0.0', mysql2: '3.0.0' } },
        'node_modules/fastify': { version: '5.12.7' },
        'node_modules/mysql2': { version: '3.0.0' },
      }),
    })
    expect(await collectDependencies(head, base)).toEqual({
      direct: [
        { name: 'fastify', kind: 'runtime', version: '5.12.8', change: 'changed', from: '5.12.7 (runtime)' },
        { name: 'pg', kind: 'runtime', version: '8.23.1', change: 'added' },
        { name: 'echarts', kind: 'runtime', version: '6.1.0', change: 'added' },
        { name: 'mysql2', kind: 'runtime', version: '3.0.0', change: 'removed' },
      ],
      installed: { total: 3, added: 3, removed: 2 },
    })
  })

  it('without a lockfile have the ranges of package.json', async () => {
    const read = reader({ 'package.json': '{"dependencies":{"fastify":"^5.0.0"}}', 'pnpm-lock.yaml': 'x' })
    expect(await collectDependencies(read)).toEqual({
      direct: [{ name: 'fastify', kind: 'runtime', version: '^5.0.0' }],
    })
  })
})

it('finds the error statuses that are documented and those that were received, by endpoint', () => {
  const route = (method: string, url: string, statuses: number[] = []) => ({
    method,
    url,
    statuses,
    summary: undefined,
    guard: undefined,
    security: [],
    handler: '',
    place: undefined,
    isHidden: false,
    readsBody: false,
    schemas: {},
  })
  const openapi = {
    openapi: '3.1.0',
    paths: { '/orders/{id}': { get: { responses: { 200: {}, 404: {}, default: {} } } } },
  }
  const response = (json: Record<string, unknown>) =>
    ({ json }) as Parameters<typeof collectStatuses>[0][0]['response']
  const exchange = (request: string, status: number) => ({
    kind: 'exchange' as const,
    sent: 'x',
    request,
    status,
  })
  const rows = [
    row(['a'], 'pass', [
      exchange('GET /orders/{id}', 404),
      exchange('GET /orders/latest?x=1', 429),
      exchange('GET /orders/{id}/lines', 500),
      exchange('GET /orders/latest', 200),
      exchange('GET /orders/latest', 401),
    ]),
  ]
  const surveyed = [
    { route: route('GET', '/orders/:id', [400]), response: response({}) },
    { route: route('GET', '/orders/latest'), response: response({}) },
    { route: route('GET', '/openapi.json', [200]), response: response(openapi) },
  ]
  expect(collectStatuses(surveyed, [rows])).toEqual([
    { endpoint: 'GET /openapi.json', documented: [], seen: [] },
    { endpoint: 'GET /orders/:id', documented: [400, 404], seen: [404] },
    { endpoint: 'GET /orders/latest', documented: [], seen: [401, 429] },
  ])
})

it('finds the known issues in their file and in comments, with their lines', () => {
  const texts: Record<string, string> = {
    'KNOWN_ISSUES.md': '# Known issues\n\n- Refunds take a day\n\n## Slow search\n\nWords.\n',
    'src/a.ts': "const a = 'TODO: no issue' // TODO: paginate\n/* FIXME the clock */\n * See the TODOLIST\n",
    'README.md': '- no issue\n',
  }
  expect(collectKnownIssues(Object.keys(texts), file => texts[file] ?? '')).toEqual({
    stated: [
      { text: 'Refunds take a day', file: 'KNOWN_ISSUES.md', line: 3 },
      { text: 'Slow search', file: 'KNOWN_ISSUES.md', line: 5 },
    ],
    comments: [
      { text: 'TODO: paginate', file: 'src/a.ts', line: 1 },
      { text: 'FIXME the clock', file: 'src/a.ts', line: 2 },
    ],
  })
})

it('finds the purpose of folders in a listing, in a package.json and in the main file', () => {
  const { folder } = write('README.md', '```\nsrc/     the service\ngone/    not there\n```\n')
  add(folder, 'tools/package.json', '{"description":"Helps"}')
  add(folder, 'src/orders/module.ts', '/** Orders and their lines. */\n')
  add(folder, 'src/orders/sql/query.ts', '/** A query. */\n')
  const files = ['README.md', 'src/orders/module.ts', 'src/orders/sql/query.ts', 'tools/package.json']
  expect(collectFolders(folder, files)).toEqual([
    { path: 'src/', purpose: 'The service', file: 'README.md' },
    { path: 'src/orders/', purpose: 'Orders and their lines', file: 'src/orders/module.ts' },
    { path: 'tools/', purpose: 'Helps', file: 'tools/package.json' },
  ])
})

function write(name: string, text: string) {
  const folder = mkdtempSync(join(tmpdir(), `${SERVICE_ID}-supplement-`))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  add(folder, name, text)
  return { folder, file: join(folder, name) }
}

function add(folder: string, name: string, text: string): void {
  mkdirSync(dirname(join(folder, name)), { recursive: true })
  writeFileSync(join(folder, name), text)
}
