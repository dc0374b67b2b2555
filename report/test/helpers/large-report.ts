/** A report as large as that of a whole service, with some rows that did not pass, and all that stands beside the sections. */
import type { Report } from '../../document/document.ts'
import type { Evidence } from '../../document/evidence.ts'
import { row, sampleReport } from './sample-report.ts'

/** Returns the document: 30 endpoints, 60 measures, 76 variables, 700 files. */
export function largeReport(): Report {
  const report = sampleReport({
    stack: many(20, index => row([`Component ${index}`, `@scope/technology-${index}`, '1.2.3'])),
    endpoints: many(30, index =>
      row(
        [
          'GET',
          `/api/v1/resources-${index}/:id/children/:childId`,
          'JWT + Owner',
          `Read a resource of kind ${index}`,
        ],
        'pass',
        [exchange(index)],
      ),
    ),
    database: many(8, index =>
      row([`2026112019474${index}_create_tables_and_indexes`, 'Creates tables, 7 indexes and 2 constraints']),
    ),
    middleware: many(23, index => row([`StageWithName${index}`, index % 2 === 0 ? '400, 413, 415' : '–'])),
    security: many(60, index =>
      row(
        [`Measure ${index}: refused on every route and method, for every actor (27 routes)`],
        index === 7 ? 'fail' : index === 9 ? 'not verified' : 'pass',
        [exchange(index)],
      ),
    ),
    performance: many(7, index =>
      row([`GET /resources-${index}`, '12ms', '35ms', '2000 rps'], 'pass', [curve(index + 1)]),
    ),
    files: [
      ...many(9, index => row([`src/notes/file-${index}.ts`, 'Notes of users'])),
      ...many(20, folder =>
        many(34, index =>
          row([`folder-${folder}/part/file-${index}.ts`, 'What this file is for, in one sentence']),
        ),
      ).flat(),
      row(['package.json', '–']),
    ],
    environment: many(76, index =>
      row([
        `SERVICE_OPTION_${index}`,
        'The longest wait for a free connection (a number and ms, s, m, h or d)',
        'No',
      ]),
    ),
  })
  return { ...report, ...BESIDE }
}

const BESIDE: Partial<Report> = {
  description: 'A service that takes orders, and proves what it says',
  folders: [
    { path: 'src/', purpose: 'The service', file: 'README.md' },
    { path: 'src/notes/', purpose: 'Notes of users', file: 'src/notes/module.ts' },
  ],
  tests: {
    file: 'tests.json',
    passed: 812,
    failed: 1,
    skipped: 2,
    files: 80,
    started: '2026-01-31T12:00:00.000Z',
    doubt: 'the run started before the commit was made',
    failures: [
      { file: 'test/orders.test.ts', name: 'refuses an order', message: 'expected 400, received 500' },
    ],
  },
  dependencies: {
    direct: [
      { name: 'fastify', kind: 'runtime', version: '5.12.8', change: 'changed', from: '5.12.7 (runtime)' },
      { name: 'pg', kind: 'runtime', version: '8.23.1', change: 'added' },
      { name: 'vitest', kind: 'development', version: '5.1.0', change: 'removed' },
    ],
    installed: { total: 386, added: 3, removed: 1 },
  },
  statuses: many(30, index => ({
    endpoint: `GET /api/v1/resources-${index}/:id`,
    documented: [400, 404],
    seen: [404, 500],
  })),
  knownIssues: {
    stated: [{ text: 'Refunds take a day', file: 'KNOWN_ISSUES.md', line: 3 }],
    comments: [{ text: 'TODO: paginate', file: 'src/orders.ts', line: 12 }],
  },
}

function exchange(index: number): Evidence {
  return {
    kind: 'exchange',
    sent: "a stranger's token, for an object of another user",
    request: `PUT /api/v1/resources-${index}/{id}/children/{id}?with=a-rather-long-query`,
    status: 403,
    code: 'NOT_THE_OWNER_OF_THIS_OBJECT',
    headers: { 'content-security-policy': "default-src 'none'; frame-ancestors 'none'; base-uri 'none'" },
    expected: '403 or 404',
    met: index !== 7,
  }
}

function curve(factor: number): Evidence {
  const percentiles = [1, 10, 25, 50, 75, 90, 95, 99, 99.9].map((percentile, index): [number, number] => [
    percentile,
    factor * (index + 1),
  ])
  return { kind: 'measurement', what: 'latency', unit: 'ms', value: 7, samples: 1000, percentiles }
}

function many<Item>(count: number, item: (index: number) => Item): Item[] {
  return Array.from({ length: count }, (_, index) => item(index))
}
