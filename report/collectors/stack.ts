/** Stack Detected: what the running process says of itself, and the installed packages that it has loaded. */
import type { Row } from '../document/document.ts'
import { fact } from '../document/evidence.ts'
import type { Repository } from '../git.ts'
import type { LoadedPackage } from '../observe/observation.ts'
import type { Collector, Context } from './context.ts'

export const stack: Collector = { section: 'stack', collect: collectStack }

/** What a package is in a backend, for those that a reader would ask about; in the order of the report. */
const KNOWN: Record<string, [component: string, technology: string]> = {
  'drizzle-orm': ['ORM', 'Drizzle ORM'],
  '@prisma/client': ['ORM', 'Prisma'],
  typeorm: ['ORM', 'TypeORM'],
  sequelize: ['ORM', 'Sequelize'],
  mongoose: ['ODM', 'Mongoose'],
  knex: ['Query builder', 'Knex'],
  kysely: ['Query builder', 'Kysely'],
  pg: ['Database driver', 'node-postgres'],
  mysql2: ['Database driver', 'MySQL2'],
  '@sinclair/typebox': ['Schemas', 'TypeBox'],
  zod: ['Schemas', 'Zod'],
  joi: ['Schemas', 'Joi'],
  ajv: ['Validation', 'Ajv'],
  '@fastify/jwt': ['Token verification', '@fastify/jwt'],
  jose: ['Token signing', 'jose'],
  jsonwebtoken: ['Tokens', 'jsonwebtoken'],
  '@node-rs/argon2': ['Password hashing', '@node-rs/argon2'],
  argon2: ['Password hashing', 'argon2'],
  bcrypt: ['Password hashing', 'bcrypt'],
  '@fastify/helmet': ['Security headers', '@fastify/helmet'],
  '@fastify/cors': ['CORS', '@fastify/cors'],
  '@fastify/rate-limit': ['Rate limiting', '@fastify/rate-limit'],
  '@fastify/under-pressure': ['Load shedding', '@fastify/under-pressure'],
  '@fastify/cookie': ['Cookies', '@fastify/cookie'],
  '@fastify/csrf-protection': ['CSRF protection', '@fastify/csrf-protection'],
  'openid-client': ['OpenID Connect', 'openid-client'],
  dataloader: ['Batching', 'DataLoader'],
  'pg-boss': ['Job queue', 'pg-boss'],
  bullmq: ['Job queue', 'BullMQ'],
  ioredis: ['Redis client', 'ioredis'],
  redis: ['Redis client', 'node-redis'],
  '@fastify/swagger': ['API description', '@fastify/swagger'],
  '@scalar/fastify-api-reference': ['API reference page', 'Scalar'],
  pino: ['Logging', 'pino'],
  'prom-client': ['Metrics', 'prom-client'],
  '@opentelemetry/sdk-node': ['Tracing', 'OpenTelemetry SDK'],
}

async function collectStack({ subject, repository, service }: Context): Promise<Row[]> {
  const { node, fastify, packages } = await subject.observe()
  const version = node.version.slice(1) + (node.lts === undefined ? '' : ' LTS')
  const rows: Row[] = [
    rowOf('Runtime', 'Node.js', version, ['process.version of the running service', node.version]),
    rowOf('Framework', 'Fastify', fastify, ["the running app's version", fastify]),
  ]
  if (service) {
    const { rows: found } = await service.internals.query('show server_version')
    const server = String(found[0].server_version)
    rows.push(
      rowOf('Database', 'PostgreSQL', server.split(' ', 1)[0] ?? server, ['SHOW server_version', server]),
    )
  }
  rows.push(...knownPackages(packages))
  if (repository) rows.push(sourceRow(repository))
  return rows
}

function rowOf(component: string, technology: string, version: string, [what, value]: [string, string]): Row {
  return {
    id: `${component}: ${technology}`,
    cells: [component, technology, version],
    state: 'pass',
    evidence: [fact(what, value)],
  }
}

function knownPackages(packages: readonly LoadedPackage[]): Row[] {
  return Object.entries(KNOWN).flatMap(([name, [component, technology]]) => {
    const copies = packages.filter(loaded => loaded.name === name)
    // A copy of its own that a package brings along stands deeper.
    const [main] = copies.toSorted((a, b) => a.file.length - b.file.length)
    return main
      ? [rowOf(component, technology, main.version, [`version in ${main.file}, loaded`, main.version])]
      : []
  })
}

/** Which version of the source all rows speak of, or which range of versions. */
function sourceRow({ version: { commit, dirty }, base }: Repository): Row {
  const head = `${commit?.slice(0, 10) ?? 'no commit'}${dirty ? ' (dirty)' : ''}`
  const range = base ? `${base.commit?.slice(0, 10)} (${base.ref}) to ${head}` : head
  return { ...rowOf('Source', 'Git', range, ['git rev-parse HEAD, git status', range]), volatile: true }
}
