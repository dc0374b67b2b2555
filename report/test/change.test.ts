/** The report of a change: what was added, changed and removed between two versions. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { copyRepository } from '../../test/helpers/repository-copy.ts'
import type { Report } from '../document/document.ts'
import { ROOT } from '../generate.ts'
import { openRepository } from '../git.ts'
import { createOwnTemporary } from './helpers/own-temporary.ts'
import { rowOf } from './helpers/report.ts'
import { runReport } from './helpers/run-report.ts'

const SECTIONS = 'stack,endpoints,database,middleware,files,environment'

it('shows what a change added, removed and left, and that the tree is dirty, and leaves nothing behind', async () => {
  const copy = copyRepository()
  await copy.commit('before')
  await change(copy)
  await copy.commit('after')
  expect((await openRepository(copy.folder))?.version.dirty).toBe(false)
  await copy.write('notes.md', '# Notes of mine\n')
  const temporary = createOwnTemporary()
  onTestFinished(temporary.remove)
  const out = join(copy.folder, 'report/out')
  const { code, stderr } = await runReport(
    ['--since', 'HEAD~1', '--sections', SECTIONS, '--feature', 'ping'],
    copy.folder,
    temporary.environment,
  )
  expect(stderr).toBe('')
  // The edited migration fails.
  expect(code).toBe(1)
  expect(temporary.leftovers()).toEqual([])
  const report = JSON.parse(readFileSync(join(out, 'report.json'), 'utf8')) as Report
  const markdown = readFileSync(join(out, 'report.md'), 'utf8')

  expect(ids(report, 'endpoints')).toEqual(['GET /ping', 'GET /.well-known/jwks.json'])
  expect(rowOf(report, 'endpoints', 'GET /ping')?.text).toBe('GET | /ping | Public | Respond with a pong')
  expect(rowOf(report, 'endpoints', 'GET /.well-known/jwks.json')?.text).toContain('(removed)')
  expect(ids(report, 'database')).toEqual([EDITED, '29990101000000_pings'])
  expect(rowOf(report, 'database', EDITED)).toMatchObject({
    state: 'fail',
    text: expect.stringContaining('(edited since HEAD~1)'),
  })
  expect(rowOf(report, 'database', '29990101000000_pings')?.text).toContain('Counts pings')
  expect(ids(report, 'environment')).toEqual(['PING_TEXT'])
  expect(ids(report, 'files')).toContain('src/http/ping.ts')
  expect(rowOf(report, 'files', 'src/http/ping.ts')?.text).toContain('Responds to pings')
  expect(rowOf(report, 'files', 'notes.md')?.text).toContain('Notes of mine')
  expect(markdown).toContain('| no change | – | – |')
  const labels =
    report.sections.find(({ id }) => id === 'middleware')?.rows.map(({ cells }) => cells[0]) ?? []
  expect(labels.filter(label => /^[+-]/.test(label ?? ''))).toEqual(['+Ping'])
  expect(labels.indexOf('+Ping')).toBeGreaterThan(labels.indexOf('Tracing'))

  const head = (await copy.git('rev-parse', 'HEAD')).trim()
  const base = (await copy.git('rev-parse', 'HEAD~1')).trim()
  expect(report.range).toEqual({
    head: { commit: head, dirty: true },
    base: { commit: base, ref: 'HEAD~1', dirty: false },
  })
  expect(markdown).toContain(
    `| Source | Git | ${base.slice(0, 10)} (HEAD~1) to ${head.slice(0, 10)} (dirty) |`,
  )
  expect(readFileSync(join(out, 'report.html'), 'utf8')).toContain(
    `Change from ${base.slice(0, 10)} (HEAD~1) to ${head.slice(0, 10)}`,
  )
  expect(await copy.git('worktree', 'list', '--porcelain')).toBe(
    `worktree ${copy.folder}\nHEAD ${head}\nbranch refs/heads/main\n\n`,
  )
}, 240_000)

/** The first migration of the repository. */
const EDITED = readdirSync(join(ROOT, 'drizzle'))
  .filter(name => name.endsWith('.sql'))
  .sort()[0]
  ?.slice(0, -'.sql'.length) as string

async function change(copy: ReturnType<typeof copyRepository>): Promise<void> {
  await copy.write(
    'src/http/ping.ts',
    `/** Responds to pings. Only in a test. */
import fp from 'fastify-plugin'
import type { FastifyInstance } from 'fastify'
export const ping = fp(async (app: FastifyInstance) => {
  app.addHook('onRequest', async function countPing() {})
  app.get('/ping', { schema: { summary: 'Respond with a pong' } }, async () => ({ pong: true }))
})
`,
  )
  await copy.edit('src/modules/sessions/plugin.ts', 'await app.register(jwksRoutes, config)', '')
  await copy.edit(
    'src/app.ts',
    "import { rateLimit } from './http/rate-limit.ts'\n",
    "import { ping } from './http/ping.ts'\nimport { rateLimit } from './http/rate-limit.ts'\n",
  )
  await copy.edit(
    'src/app.ts',
    '  await app.register(rateLimit, config)\n',
    '  await app.register(ping)\n  await app.register(rateLimit, config)\n',
  )
  await copy.edit(
    'src/config/schema.ts',
    '  HOST: Type.String(',
    "  PING_TEXT: Type.Optional(Type.String({ description: 'Response to a ping' })),\n  HOST: Type.String(",
  )
  await copy.write(
    'drizzle/29990101000000_pings.sql',
    '-- Counts pings.\nCREATE TABLE "pings" ("at" timestamptz);\n',
  )
  const migration = `drizzle/${EDITED}.sql`
  await copy.write(migration, `${readFileSync(join(copy.folder, migration), 'utf8')}-- One line more.\n`)
  const journal = JSON.parse(readFileSync(join(copy.folder, 'drizzle/meta/_journal.json'), 'utf8'))
  journal.entries.push({
    idx: journal.entries.length,
    version: '7',
    when: 32_472_144_000_000,
    tag: '29990101000000_pings',
    breakpoints: true,
  })
  await copy.write('drizzle/meta/_journal.json', JSON.stringify(journal))
}

function ids({ sections }: Report, section: string): string[] {
  return (sections.find(({ id }) => id === section)?.rows ?? [])
    .filter(row => !row.volatile)
    .map(({ id }) => id)
}
