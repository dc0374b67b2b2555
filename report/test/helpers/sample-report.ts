/** A small report of an invented service, with a row of each kind. */
import { toDocument } from '../../collect.ts'
import { type Report, type Row, type Rows, SECTION_IDS, type State } from '../../document/document.ts'
import { type Evidence, fact } from '../../document/evidence.ts'

/** Returns the document. Sections may be replaced. */
export function sampleReport(replaced: Rows = {}, secrets: readonly string[] = []): Report {
  const head = { commit: '0123456789abcdef', dirty: false }
  const title = { feature: 'orders', date: '2026-01-31', module: 'src/server.ts', range: { head } }
  return toDocument(title, { ...ROWS, ...replaced }, SECTION_IDS, secrets)
}

/** Returns a row with one fact as evidence. */
export function row(cells: [string, ...string[]], state: State = 'pass', evidence: Evidence[] = []): Row {
  return {
    id: cells.slice(0, 2).join(' '),
    cells,
    state,
    evidence: [fact('seen', cells.join(', ')), ...evidence],
  }
}

const CURVE: Evidence = {
  kind: 'measurement',
  what: 'latency',
  unit: 'ms',
  value: 35,
  samples: 1000,
  percentiles: [
    [50, 10],
    [95, 35],
    [99, 60],
  ],
}

const ROWS: Rows = {
  stack: [row(['Runtime', 'Node.js', '24.21.0 LTS']), row(['Framework', 'Fastify', '5.12.8'])],
  endpoints: [
    row(['GET', '/health', 'Public', 'Check whether the process runs'], 'pass', [
      {
        kind: 'exchange',
        sent: 'no credentials',
        request: 'GET /health',
        status: 200,
        expected: 'neither 401 nor 403',
        met: true,
      },
    ]),
    row(['POST', '/orders', 'JWT', 'Place an order | or two']),
  ],
  database: [
    row(['0001_orders', 'Creates table orders']),
    row(['0002_lines', 'Creates table lines (not applied)'], 'fail'),
  ],
  middleware: [
    row(['RateLimit', '429']),
    row(['Auth', '401, 403']),
    row(['Validate', '400']),
    row(['Handler', '–']),
    row(['Serialize', 'Transform']),
  ],
  security: [
    row(['Input validation']),
    row(['Rate limiting: 100 req/min per IP']),
    row(['CORS configured for allowed origins'], 'fail'),
    row(['No secrets from the image (not verified: there is no Dockerfile)'], 'not verified'),
  ],
  performance: [
    row(['GET /orders/:id', '12ms', '35ms', '2000 rps'], 'pass', [CURVE]),
    row(['POST /orders', 'not measured', 'not measured', 'not measured'], 'not verified'),
  ],
  files: [row(['src/orders.ts', 'The routes of orders']), row(['package.json', '–'])],
  environment: [
    row(['DATABASE_URL', 'Connection string', 'Yes']),
    row(['REDIS_URL', 'Shared counters', 'No']),
  ],
}
