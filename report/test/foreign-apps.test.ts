/** Apps of other people in the shapes in which they are published, and apps that cannot be reported. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, expect, it } from 'vitest'
import type { Report } from '../document/document.ts'
import { rowOf } from './helpers/report.ts'
import { runReport } from './helpers/run-report.ts'

const APPS = fileURLToPath(new URL('./fixtures/apps/', import.meta.url))
const FASTIFY = import.meta.resolve('fastify')
const folder = mkdtempSync(join(tmpdir(), 'report-foreign-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

async function report(module: string, options: string[] = [], env: NodeJS.ProcessEnv = {}) {
  const out = mkdtempSync(join(folder, 'out-'))
  const args = ['--app', module, '--bench', 'none', '--out', out, ...options]
  const ended = await runReport(args, undefined, env)
  const file = join(out, 'report.json')
  const document = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Report) : undefined
  return { ...ended, document }
}

/** Returns the cells of each endpoint as one text. */
function endpointsOf(document: Report | undefined): string[] {
  const section = document?.sections.find(({ id }) => id === 'endpoints')
  return section?.rows.map(({ cells }) => cells.slice(0, 3).join(' ')) ?? []
}

it.each([
  'any-name.mjs',
  'cli-plugin.cjs',
  'instance.mjs',
  'listens-as-main.cjs',
  'listens-by-itself.mjs',
  'main-function.cjs',
  'typescript.ts',
  'unnamed-plugin.mjs',
  'wrapped-plugin.mjs',
])('reports the app of %s', async name => {
  const { document, stderr } = await report(join(APPS, name), ['--sections', 'endpoints,stack'])
  expect(endpointsOf(document), stderr).toEqual(['GET / Public'])
})

it('starts the export that the command line names', async () => {
  const { document } = await report(`${APPS}any-name.mjs#assembleWeb`, ['--sections', 'endpoints'])
  expect(endpointsOf(document)).toEqual(['GET / Public'])
})

it('reads a refusal as a guard, whatever hook refuses, and does not guess what it has not asked', async () => {
  const guards = join(APPS, 'guards.mjs')
  const reading = await report(guards, ['--sections', 'endpoints'])
  expect(endpointsOf(reading.document)).toEqual([
    'DELETE /guarded/:id Not known (not verified: needs --allow-writes)',
    'GET /in-handler Guarded (403)',
    'POST /login Not known (not verified: needs --allow-writes)',
    'GET /on-request Guarded (401)',
    'GET /page Guarded (302)',
    'GET /pre-handler/:id Guarded (401)',
    'GET /public Public',
  ])
  const writing = await report(guards, ['--sections', 'endpoints', '--allow-writes'])
  expect(rowOf(writing.document as Report, 'endpoints', 'DELETE /guarded/:id')).toMatchObject({
    state: 'pass',
    text: 'DELETE | /guarded/:id | Guarded (401) | –',
  })
  expect(rowOf(writing.document as Report, 'endpoints', 'POST /login')?.text).toContain(
    'Public (not verified',
  )
})

it('sends nothing but GET and HEAD in all sections', async () => {
  const log = join(folder, 'methods.log')
  const app = writeModule(`
    import { appendFileSync } from 'node:fs'
    import Fastify from '${FASTIFY}'
    export function build() {
      const app = Fastify()
      app.addHook('onRequest', async request => appendFileSync('${log}', request.method + '\\n'))
      app.get('/', async () => ({}))
      app.post('/things', async () => ({}))
      app.delete('/things/:id', async () => ({}))
      return app
    }`)
  const { document, stderr } = await report(app)
  expect(endpointsOf(document), stderr).toHaveLength(3)
  const methods = new Set(readFileSync(log, 'utf8').trim().split('\n'))
  expect([...methods].sort().filter(method => method !== 'GET' && method !== 'HEAD')).toEqual([])
  expect(methods.size).toBeGreaterThan(0)
})

it('gives one row to a route that does not respond or does not end, and reports all others', async () => {
  const { document, stderr } = await report(join(APPS, 'streams.mjs'))
  expect(endpointsOf(document), stderr).toEqual([
    'GET / Public',
    'GET /closed Not known (not verified: no response: socket hang up)',
    'GET /endless Public',
    'GET /events Public',
    'GET /never Not known (not verified: no response within 5 s)',
    'POST /write Not known (not verified: needs --allow-writes)',
  ])
})

it('names the variables of a schema with what it says of them, and those that the code reads', async () => {
  const env = { SESSION_NAME: 'canary-of-the-session' }
  const { document } = await report(join(APPS, 'settings.mjs'), ['--sections', 'environment'], env)
  const section = document?.sections.find(({ id }) => id === 'environment')
  expect(section?.rows.map(({ cells }) => cells.join(' | '))).toEqual([
    'SESSION_NAME | Name of the session cookie | Yes',
    'WORKERS | Workers to start | No',
    'BANNER | not available: its schema has no description | No',
    'GREETING | not available: the app has no config schema | No',
  ])
  expect(JSON.stringify(document)).not.toContain('canary')
})

it.each([
  [
    'prisma/migrations/20240115_users/migration.sql',
    'CREATE TABLE "User" ("id" INT);',
    '20240115_users',
    'Creates table User',
  ],
  ['drizzle/0000_users.sql', '-- Users and their names', '0000_users', 'Users and their names'],
  [
    'src/db/migrations/20240115_users.ts',
    `export async function up(db) { await db.schema.createTable('users').execute() }\nexport async function down(db) {}`,
    '20240115_users',
    'Creates table users',
  ],
  [
    'migrations/1700000000000-Users.js',
    'class Users { async up(q) { await q.query(`CREATE TABLE "users" ()`) } async down(q) { await q.query(`DROP TABLE "users"`) } }',
    '1700000000000-Users',
    'Creates table users',
  ],
  ['migrations/001.do.users.sql', 'create table users (id int);', '001.do.users', 'Creates table users'],
])('describes the migration %s', async (path, text, name, description) => {
  const app = writeModule(`import Fastify from '${FASTIFY}'\nexport default Fastify()`)
  const file = join(app, '..', path)
  mkdirSync(join(file, '..'), { recursive: true })
  writeFileSync(file, text)
  writeFileSync(join(app, '../package.json'), '{"type":"module"}')
  const { document, stderr } = await report(app, ['--sections', 'database'])
  expect(document && rowOf(document, 'database', name), stderr).toMatchObject({
    state: 'not verified',
    text: `${name} | ${description} (not verified: the report does not read the app's database)`,
  })
})

function writeModule(text: string): string {
  const module = join(mkdtempSync(join(folder, 'app-')), 'app.mjs')
  writeFileSync(module, text)
  return module
}

const BAD: Record<string, [text: string, message: RegExp, env?: NodeJS.ProcessEnv]> = {
  'calls process.exit': [
    'process.exit(3)',
    /the app ended \(exit code 3\) before it listened, without output$/,
  ],
  'throws at load': [`throw new Error('no\\nluck')`, /before it listened: no luck$/],
  'rejects while it starts': [
    `import Fastify from '${FASTIFY}'\nexport const build = async () => { throw new TypeError('bad plan') }`,
    /before it listened: TypeError: bad plan$/,
  ],
  'needs a variable, and logs a secret': [
    `console.log('starting with ' + process.env.API_TOKEN)
     if (!process.env.MAIL_FROM) throw new Error('MAIL_FROM is missing; API_TOKEN is ' + process.env.API_TOKEN)`,
    /before it listened: MAIL_FROM is missing; API_TOKEN is \[hidden\]$/,
    { API_TOKEN: 'canary-of-the-api' },
  ],
  'imports what is not installed': [
    `import 'no-such-package'`,
    /no-such-package is not installed or not there/,
  ],
  'exports nothing that starts': [
    'export const x = 1',
    /exports no Fastify app, .* and it does not listen by itself$/,
  ],
  'has a database on another machine': [
    `import Fastify from '${FASTIFY}'\nexport default Fastify()`,
    /DATABASE_URL names a database on another machine: add --yes/,
    { DATABASE_URL: 'postgres://user:canary-of-the-url@db.example.com:5432/app' },
  ],
  'sets a database on another machine by itself': [
    `process.env.PGHOST = 'db.example.com'`,
    /PGHOST is a database on another machine: .* without --yes$/,
  ],
  'connects to a database on another machine': [
    `import { connect } from 'node:net'\nconnect(5432, '192.0.2.1')\nsetInterval(() => {}, 1000)`,
    /192\.0\.2\.1:5432 is a database on another machine/,
  ],
  'listens on a socket file': [
    `import Fastify from '${FASTIFY}'\nawait Fastify().listen({ path: '${join(folder, 'app.sock')}' })`,
    /listens on a socket file/,
  ],
}

it.each(Object.entries(BAD))(
  'refuses in one sentence an app that %s',
  async (_what, [text, message, env]) => {
    const { code, stderr, document } = await report(writeModule(text), [], env)
    expect(stderr.trim()).toMatch(message)
    expect(stderr.trim().split('\n')).toHaveLength(1)
    expect([code, document]).toEqual([69, undefined])
    expect(stderr).not.toContain('canary')
  },
)

it('names a port that is taken', async () => {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise(resolve => server.once('listening', resolve))
  const { port } = server.address() as AddressInfo
  const text = `import Fastify from '${FASTIFY}'\nawait Fastify().listen({ host: '127.0.0.1', port: ${port} })`
  const { code, stderr } = await report(writeModule(text))
  server.close()
  expect(stderr).toMatch(new RegExp(`^report: [^\\n]*port ${port} is taken by another process\\n$`))
  expect(code).toBe(69)
})

it.each([
  ['express', 'Express', `import app from './node_modules/express/index.js'\napp.listen(0)`],
  ['koa', 'Koa', `import app from './node_modules/koa/index.js'\nexport default app`],
])('asks for Fastify where an app runs on %s', async (name, title, text) => {
  const module = writeModule(text)
  const installed = join(module, '../node_modules', name)
  mkdirSync(installed, { recursive: true })
  writeFileSync(join(installed, 'package.json'), JSON.stringify({ name, version: '1.0.0', type: 'module' }))
  const server = `import { createServer } from 'node:http'\nexport default createServer()`
  writeFileSync(join(installed, 'index.js'), server)
  const { code, stderr } = await report(module)
  expect(stderr).toMatch(
    new RegExp(`^report: the app runs on ${title}, and the report observes Fastify[^\\n]*\\n$`),
  )
  expect(code).toBe(69)
})

it('ends an app that never listens, and all processes that it started', async () => {
  const mark = `report-child-${process.pid}`
  const { code, stderr } = await report(
    writeModule(`
      import { spawn } from 'node:child_process'
      const script = 'setInterval(() => console.log("x".repeat(1000)), 1)'
      spawn(process.execPath, ['-e', script, '${mark}'], { stdio: 'inherit' })
      spawn(process.execPath, ['-e', script, '${mark}'], { detached: true, stdio: 'ignore' }).unref()
      process.on('SIGTERM', () => {})
      await new Promise(() => setInterval(() => {}, 1000))`),
  )
  expect(stderr).toMatch(/^report: the app did not listen within 20 s[^\n]*\n$/)
  expect(code).toBe(69)
  expect(processesWith(mark)).toEqual([])
})

it('ends the children of an app that was reported', async () => {
  const mark = `report-served-${process.pid}`
  const { document, stderr } = await report(
    writeModule(`
      import { spawn } from 'node:child_process'
      import Fastify from '${FASTIFY}'
      spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)', '${mark}'], { detached: true, stdio: 'ignore' }).unref()
      const app = Fastify({ logger: true })
      app.get('/', async () => ({}))
      await app.listen({ port: 0 })`),
    ['--sections', 'endpoints'],
  )
  expect(endpointsOf(document), stderr).toEqual(['GET / Public'])
  expect(processesWith(mark)).toEqual([])
})

function processesWith(argument: string): string[] {
  return readdirSync('/proc').filter(name => {
    if (!/^\d+$/.test(name)) return false
    try {
      const args = readFileSync(`/proc/${name}/cmdline`, 'utf8').split('\0')
      return args.includes(argument)
    } catch {
      // It has ended meanwhile.
      return false
    }
  })
}
