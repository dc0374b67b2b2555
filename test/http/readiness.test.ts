/** Readiness fails, with the reason in the log, while the database lacks a migration (P29). */
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it, onTestFinished } from 'vitest'
import { migrate } from '../../src/db/migrate.ts'
import { readMigrations } from '../../src/db/migration-files.ts'
import { createAppOn, type TestApp } from '../helpers/app.ts'
import { databaseOfTest, emptyDatabaseOfTest } from '../helpers/database.ts'
import { expectProblem } from '../helpers/problems.ts'

const TAGS = readMigrations().map(({ tag }) => tag)

async function serviceOn(url: string) {
  const service = await createAppOn({ url, drop: async () => {} }, { LOG_LEVEL: 'info' })
  onTestFinished(() => service.app.close())
  return service
}

type Service = Pick<TestApp, 'call' | 'log'>

const statusOf = async ({ call }: Service) => (await call('GET', '/health/ready')).statusCode

/** The lines about readiness. */
const reasonsOf = ({ log }: Service) =>
  log.map(line => JSON.parse(line).msg as string).filter(message => /^(not )?ready: /.test(message))

async function expectReason(service: Service, reason: RegExp | string): Promise<void> {
  const { statusCode, headers, body } = await service.call('GET', '/health/ready')
  expectProblem({ status: statusCode, headers, body }, { status: 503, code: 'NOT_READY' })
  expect(reasonsOf(service)).toEqual([expect.stringMatching(reason)])
}

describe('P29: readiness and the migrations', () => {
  it('is 503 on an empty database, and 200 once it is migrated, without a restart', async () => {
    const { url } = await emptyDatabaseOfTest()
    const service = await serviceOn(url)
    await expectReason(service, `not ready: the database lacks ${TAGS.join(', ')}: run npm run db:migrate`)
    // Logged once, for any number of requests.
    await sleep(1100)
    expect(await statusOf(service)).toBe(503)
    expect(reasonsOf(service)).toHaveLength(1)

    await migrate(url)
    await expect.poll(() => statusOf(service), { timeout: 10_000 }).toBe(200)
    expect(reasonsOf(service).slice(1)).toEqual(['ready: the database has every migration'])
  })

  it('is 503 on an older database, and names only the missing migrations', async () => {
    const { url, query } = await databaseOfTest()
    await query(
      'delete from drizzle.__drizzle_migrations where id = (select max(id) from drizzle.__drizzle_migrations)',
    )
    await expectReason(await serviceOn(url), `the database lacks ${TAGS.at(-1)}: `)
  })

  it('is 503 where a migration was applied with other contents', async () => {
    const { url, query } = await databaseOfTest()
    await query("update drizzle.__drizzle_migrations set hash = 'other' where id = 1")
    await expectReason(await serviceOn(url), `lacks ${TAGS[0]} \\(applied with other contents\\)`)
  })

  it('is 200 on a database that a newer version has migrated', async () => {
    const { url, query } = await databaseOfTest()
    await query("insert into drizzle.__drizzle_migrations (hash, created_at) values ('newer', 9999999999999)")
    expect(await statusOf(await serviceOn(url))).toBe(200)
  })

  it('reads the migrations until all are applied, and never again', async () => {
    const { url, query } = await databaseOfTest()
    const service = await serviceOn(url)
    expect(await statusOf(service)).toBe(200)
    await query('drop schema drizzle cascade')
    await sleep(1100)
    expect(await statusOf(service)).toBe(200)
  })

  it('is 503 where the search_path does not contain the schema of the tables', async () => {
    const { url } = await databaseOfTest()
    const changed = new URL(url)
    changed.searchParams.set('options', '-c search_path=app')
    await expectReason(await serviceOn(changed.href), /schema public, .*, is not in the search_path/)
  })

  it('is 503 for a role that cannot see the migrations, and reports what to grant', async () => {
    const { url, query } = await databaseOfTest()
    const role = `reader_${crypto.randomUUID().slice(0, 8)}`
    await query(`create role ${role} login password 'reader'`)
    onTestFinished(() => query(`drop owned by ${role}; drop role ${role}`).then(() => {}))
    const changed = new URL(url)
    changed.username = role
    changed.password = 'reader'
    const service = await serviceOn(changed.href)
    await expectReason(service, /grant it usage on schema drizzle and select on drizzle.__drizzle_migrations/)
    await query(
      `grant usage on schema drizzle to ${role}; grant select on drizzle.__drizzle_migrations to ${role}`,
    )
    await expect.poll(() => statusOf(service), { timeout: 10_000 }).toBe(200)
  })
})
