/** db:migrate and db:status as an operator sees them: their output and their exit codes. */
import { dirname } from 'node:path'
import { describe, expect, it } from 'vitest'
import { migrate } from '../../src/db/migrate.ts'
import { readMigrations } from '../../src/db/migration-files.ts'
import { commandsIn } from '../../src/db/sql-commands.ts'
import { runCommand } from '../helpers/command.ts'
import { databaseOfTest, emptyDatabaseOfTest, type TestDatabase } from '../helpers/database.ts'
import { placeWithData, query, start, tidyAfterEach } from '../helpers/embedded.ts'
import { startService } from '../helpers/service.ts'

const TAGS = readMigrations().map(({ tag }) => tag)
const [FIRST = ''] = TAGS

const EDIT = "update drizzle.__drizzle_migrations set hash = 'other' where id = 1"
const FORGET = 'delete from drizzle.__drizzle_migrations where id = 1'
const NEWER = "insert into drizzle.__drizzle_migrations (hash, created_at) values ('newer', 4102444800000)"

const command = (name: string, { url }: TestDatabase, ...args: string[]) =>
  runCommand(name, args, { DATABASE_URL: url })

describe('db:status', () => {
  it('lists pending migrations and ends with 1, then applied ones and ends with 0', async () => {
    const database = await emptyDatabaseOfTest()
    const before = await command('db-status', database)
    expect(before).toMatchObject({ code: 1, stderr: '' })
    for (const tag of TAGS) expect(before.stdout).toMatch(new RegExp(`^${tag} +pending$`, 'm'))
    expect(before.stdout).toContain(`${TAGS.length} of ${TAGS.length} to apply: npm run db:migrate\n`)
    expect((await database.query(`select to_regnamespace('drizzle') as name`)).rows).toEqual([{ name: null }])

    await migrate(database.url)
    const after = await command('db-status', database)
    expect(after).toMatchObject({ code: 0, stderr: '' })
    for (const tag of TAGS) {
      expect(after.stdout).toMatch(
        new RegExp(`^${tag} +applied +\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d UTC$`, 'm'),
      )
    }
    expect(after.stdout).toContain('\nThe database is up to date.\n')
  })

  it('works on a table that drizzle-orm has created, whose times are not known', async () => {
    const database = await databaseOfTest()
    await database.query('alter table drizzle.__drizzle_migrations drop column name, drop column applied_at')
    const { code, stdout } = await command('db-status', database)
    expect(code).toBe(0)
    expect(stdout).toMatch(new RegExp(`^${FIRST} +applied +not known$`, 'm'))
  })

  it.for([
    ['edited', EDIT, FIRST, new RegExp(`^- ${FIRST} was edited after`, 'm')],
    ['out of order', FORGET, FIRST, new RegExp(`^- ${FIRST} is not applied, but later ones are`, 'm')],
    [
      'unknown',
      NEWER,
      'the migration of 2100-01-01T00:00:00.000Z \\(21000101000000_…, SHA-256 newer\\)',
      /a newer version of the service/,
    ],
  ] as const)('shows one that is %s, says what to do and ends with 1', async ([state, sql, name, advice]) => {
    const database = await databaseOfTest()
    await database.query(sql)
    const { code, stdout } = await command('db-status', database)
    expect(code).toBe(1)
    expect(stdout).toMatch(new RegExp(`^${name} +${state}`, 'm'))
    expect(stdout).toMatch(advice)
  })
})

describe('db:migrate', () => {
  it.for([
    ['edited', EDIT, [], FIRST],
    ['out of order', FORGET, [], FIRST],
    ['of a newer version', NEWER, [], '2100-01-01T00:00:00.000Z'],
  ] as const)('refuses one that is %s in one line that names it', async ([, sql, args, name]) => {
    const database = await databaseOfTest()
    await database.query(sql)
    const result = await command('db-migrate', database, ...args)
    expect(result).toEqual({ code: 1, stdout: '', stderr: expect.stringMatching(/^[^\n]+\n$/) })
    expect(result.stderr).toContain(name)
    expect(result.stderr).not.toMatch(/^ +at /m)
  })

  it('accepts a newer database with its option', async () => {
    const database = await databaseOfTest()
    await database.query(NEWER)
    const result = await command('db-migrate', database, '--allow-newer')
    expect(result).toMatchObject({ code: 0, stdout: 'The database was up to date.\n' })
  })

  it('fails with the error of PostgreSQL where an object exists already', async () => {
    const database = await databaseOfTest()
    await database.query(FORGET)
    const result = await command('db-migrate', database, '--allow-out-of-order')
    expect(result).toMatchObject({ code: 1, stdout: '' })
    expect(result.stderr).toMatch(
      new RegExp(
        `^${FIRST} failed at drizzle/${FIRST}\\.sql, line 1: relation "\\w+" already exists \\(42P07\\)[^\n]*\n$`,
      ),
    )
  })

  it('prints the SQL of a dry run, which brings a database up to date', async () => {
    const database = await emptyDatabaseOfTest()
    const { code, stdout, stderr } = await command('db-migrate', database, '--dry-run')
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect((await database.query(`select to_regclass('users') as name`)).rows).toEqual([{ name: null }])
    // One command at a time, as psql does.
    const client = await database.connect()
    for (const { offset, end } of commandsIn(stdout)) await client.query(stdout.slice(offset, end))
    client.release()
    expect(await command('db-status', database)).toMatchObject({ code: 0 })
    expect((await command('db-migrate', database, '--dry-run')).stdout).toBe(
      '-- The database is up to date.\n',
    )
  })

  it('refuses an invalid lock timeout, by the name of the variable', async () => {
    const { url: DATABASE_URL } = await databaseOfTest()
    const result = await runCommand('db-migrate', [], { DATABASE_URL, MIGRATION_LOCK_TIMEOUT: '0s' })
    expect(result).toMatchObject({ code: 1, stderr: expect.stringContaining('MIGRATION_LOCK_TIMEOUT') })
  })
})

describe('both commands', () => {
  it.for(['db-migrate', 'db-status'])('explain themselves without a database: %s --help', async name => {
    const result = await runCommand(name, ['--help'], { DATABASE_URL: 'postgres://127.0.0.1:1/none' })
    expect(result).toMatchObject({ code: 0, stderr: '' })
    expect(result.stdout).toMatch(/^Usage: npm run db:[\s\S]*Exit code: 0 when[^\n]*1\.\n/)
  })
})

describe('in development', () => {
  tidyAfterEach()

  it('a migration that was edited stops the start too, and both report how to start with an empty database', async () => {
    const directory = await placeWithData()
    const folder = dirname(directory)
    const environment = { NODE_ENV: 'development', DATA_DIR: folder }
    const server = await start(directory)
    await migrate(server.url)
    await query(server.url, EDIT)
    await server.stop()
    const advice = `stop the service and delete the folder ${folder}.`
    const migrated = await runCommand('db-migrate', [], environment)
    expect(migrated).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining(advice) })
    const started = startService('', { ...environment, DATABASE_URL: '' })
    await expect(started).rejects.toThrow(advice)
    await expect(started).rejects.toThrow(`${FIRST} was edited after it was applied`)
  })

  it('a database of a newer version is accepted: a change of branch leaves one', async () => {
    const { url, query: ask } = await databaseOfTest()
    await ask(NEWER)
    const service = await startService(url, { NODE_ENV: 'development', LOG_FORMAT: 'json' })
    const { status } = await fetch(`${service.origin}/health/ready`)
    await service.stop()
    expect(status).toBe(200)
    expect(service.errors.join('')).toMatch(/2100-01-01.* is of a newer version of the service/)
  })
})
