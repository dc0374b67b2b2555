/** The commands for migrations and demo data, as processes of their own. */
import { beforeAll, describe, expect, it } from 'vitest'
import { PASSWORD } from '../helpers/app.ts'
import { runCommand as run } from '../helpers/command.ts'
import { cloneDatabase, databaseOfTest, emptyDatabaseOfTest, type TestDatabase } from '../helpers/database.ts'
import { createRemote } from '../helpers/remote.ts'
import { startService } from '../helpers/service.ts'

/** A port without a listener: 1 is reserved (tcpmux). */
const NO_DATABASE = 'postgres://someone:canary-password@127.0.0.1:1/some'

/** Asserts a message that a person can act on. */
function expectOneLine(result: Awaited<ReturnType<typeof run>>, about: RegExp): void {
  expect(result).toEqual({ code: 1, stdout: '', stderr: expect.stringMatching(/^[^\n]+\n$/) })
  expect(result.stderr).toMatch(about)
  expect(result.stderr).not.toContain('canary')
}

describe('db:migrate', () => {
  it('applies every migration once, also where several begin at the same time', async () => {
    const { url: DATABASE_URL, query } = await emptyDatabaseOfTest()
    const results = await Promise.all([1, 2, 3].map(() => run('db-migrate', [], { DATABASE_URL })))
    expect(results.map(({ code }) => code)).toEqual([0, 0, 0])
    // A wait of seconds, as on a busy machine, is reported.
    for (const { stderr } of results)
      expect(stderr).toMatch(/^(Waiting for another migration to end: .+\n)*$/)
    const outputs = results.map(({ stdout }) => stdout.trim()).sort()
    expect(outputs.slice(1)).toEqual(Array(2).fill('The database was up to date.'))
    const { rows } = await query('select hash, count(*)::int from drizzle.__drizzle_migrations group by hash')
    expect(outputs[0]).toBe(`Applied ${rows.length} migration${rows.length === 1 ? '' : 's'}.`)
    expect(rows.every(({ count }) => count === 1)).toBe(true)
  })

  it('lets two instances of the service start at once on an empty database', async () => {
    const { url } = await emptyDatabaseOfTest()
    const environment = { NODE_ENV: 'development', LOG_FORMAT: 'json' }
    const services = await Promise.all([startService(url, environment), startService(url, environment)])
    try {
      const [first, second] = services.map(({ origin }) => createRemote(origin))
      const user = await first?.signUp()
      const response = await second?.call('GET', '/api/v1/users/me', { token: user?.accessToken ?? '' })
      expect(response?.status).toBe(200)
    } finally {
      await Promise.all(services.map(({ stop }) => stop()))
    }
  })
})

describe('db:seed', () => {
  let one: TestDatabase
  const seed = ({ url: DATABASE_URL }: TestDatabase, users: number) =>
    run('db-seed', ['--users', String(users), '--yes'], { DATABASE_URL })
  const rowsOf = async ({ query }: TestDatabase) =>
    (await query('select * from users order by email')).rows as { email: string; role: string }[]

  beforeAll(async () => {
    one = await cloneDatabase()
    return one.drop
  })

  it('creates the same rows in every database, none twice, and no admin', async () => {
    const two = await databaseOfTest()
    const first = await seed(one, 1200)
    expect(first).toMatchObject({ code: 0, stderr: '' })
    expect(first.stdout).toContain('Seeded 1200 of 1200 users.')
    await seed(two, 1200)
    const rows = await rowsOf(one)
    expect(rows).toHaveLength(1200)
    expect(rows.filter(({ role }) => role !== 'user')).toEqual([])
    expect(await rowsOf(two)).toEqual(rows)

    expect((await seed(one, 1210)).stdout).toContain('Seeded 10 of 1210 users; the others existed.')
    expect((await rowsOf(one)).slice(0, 1200)).toEqual(rows)
  })

  it('creates users who can log in', async () => {
    await seed(one, 1)
    const service = await startService(one.url)
    try {
      const body = { email: 'user000001@example.com', password: PASSWORD }
      expect((await createRemote(service.origin).call('POST', '/api/v1/auth/login', { body })).status).toBe(
        200,
      )
    } finally {
      await service.stop()
    }
  })

  it('refuses to create users with a known password in production, before it changes anything', async () => {
    for (const args of [[], ['--yes']]) {
      const result = await run('db-seed', args, { NODE_ENV: 'production', DATABASE_URL: NO_DATABASE })
      expectOneLine(result, /not in production/)
    }
  })

  it.for(['', 'development', 'test'])(
    'refuses another database than the embedded one, in %s',
    async NODE_ENV => {
      const { url: DATABASE_URL, query } = await databaseOfTest()
      const result = await run('db-seed', ['--users', '3'], { NODE_ENV, DATABASE_URL })
      expectOneLine(result, /DATABASE_URL leads to 127\.0\.0\.1:\d+\/test_\w+, .*--yes/)
      expect((await query('select from users')).rowCount).toBe(0)
      expectOneLine(
        await run('db-seed', [], { NODE_ENV, DATABASE_URL: NO_DATABASE }),
        /leads to 127\.0\.0\.1:1\/some,/,
      )
    },
  )
})

describe('a command', () => {
  it.for([
    ['db-seed', ['--users', '0'], /--users takes/],
    ['db-seed', ['--users', '1e3'], /--users takes/],
    ['db-seed', ['--user', '5'], /'--user'/],
    ['db-migrate', ['--force'], /'--force'/],
  ] as const)('says in one line what is wrong with %s %j', async ([command, args, about]) => {
    expectOneLine(await run(command, [...args], { DATABASE_URL: NO_DATABASE }), about)
  })

  it('prints one line where the database does not respond, or is not set', async () => {
    expectOneLine(await run('db-migrate', [], { DATABASE_URL: NO_DATABASE }), /127\.0\.0\.1:1: ECONNREFUSED/)
    const result = await run('db-migrate', [], { NODE_ENV: 'production' })
    expect(result).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringContaining('DATABASE_URL is required'),
    })
  })
  it.for([
    ['db-seed', ['--yes', '--users', '3']],
    ['user-admin', ['ada@example.com']],
  ] as const)(
    'prints one line where the database is not migrated, or is another one: %s',
    async ([command, args]) => {
      const { url: DATABASE_URL, query } = await emptyDatabaseOfTest()
      const fails = async () =>
        expectOneLine(
          await run(command, [...args], { DATABASE_URL }),
          /npm run db:migrate.*npm run db:status/,
        )
      await fails()
      await query('create table users (id integer)')
      await fails()
    },
  )

  it('prints one line where its role lacks a right', async () => {
    const { url: DATABASE_URL } = await databaseOfTest()
    const result = await run('db-seed', ['--yes', '--users', '3'], {
      DATABASE_URL: `${DATABASE_URL}?options=-c%20default_transaction_read_only%3Don`,
    })
    expectOneLine(
      result,
      /PostgreSQL refused the command: cannot execute INSERT in a read-only transaction \(25006\)/,
    )
  })
})
