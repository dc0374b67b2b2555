/** P30: what PostgreSQL itself does: no statement reads or writes a whole table under a lock, and passes the rules. */
import fc from 'fast-check'
import { loadModule, parseSync } from 'libpg-query'
import type pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { cloneDatabase, type TestDatabase } from '../../test/helpers/database.ts'
import { rulesOf } from '../../test/helpers/unsafe-migrations.ts'
import { BEFORE, MARKER, SAFE, UNSAFE } from '../../test/helpers/unsafe-statements.ts'
import type { RuleName } from '../migrations/rules.ts'

let database: TestDatabase
let client: pg.PoolClient

beforeAll(async () => {
  await loadModule()
  database = await cloneDatabase()
  client = await database.connect()
  // A schema of its own, beside the service's tables, which have the same names.
  await client.query(`create schema app; set search_path = app; ${BEFORE.replaceAll('public.', '')}`)
  await client.query(`insert into users select n, 'name', n + 10 from generate_series(1, 5) n;
    insert into notes select n, n from generate_series(1, 5) n;
    create index i on users (name); create index j on users (age); create sequence s;
    create domain d as int; create type pair as (a int); create type mood as enum ('sad')`)
})
afterAll(async () => {
  client.release()
  await database.drop()
})

/** What a statement did to tables that were there before. */
type Effect = 'safe' | 'dangerous' | 'failed'

/**
 * Runs the statements, one by one, and undoes them. Dangerous is one that reads or writes such a table as a whole, and
 * holds a lock on one that shuts out writers.
 */
async function effectOf(sql: string): Promise<Effect> {
  await client.query('begin')
  try {
    let effect: Effect = 'safe'
    let before = await readTables()
    for (const { stmt_location: at, stmt_len: length } of parseSync(sql).stmts ?? []) {
      const start = at ?? 0
      const statement = Buffer.from(sql).subarray(start, length === undefined ? undefined : start + length)
      await client.query(statement.toString().replaceAll('public.', 'app.'))
      const after = await readTables()
      if ((await isLocked(before)) && before.some(table => isWhole(table, after))) effect = 'dangerous'
      before = before.flatMap(({ oid }) => after.find(table => table.oid === oid) ?? [])
    }
    return effect
  } catch {
    return 'failed'
  } finally {
    await client.query('rollback')
  }
}

async function isLocked(tables: readonly Table[]): Promise<boolean> {
  const { rows } = await client.query(
    `select 1 from pg_locks where pid = pg_backend_pid() and relation = any ($1)
      and mode in ('ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')`,
    [tables.map(({ oid }) => oid)],
  )
  return rows.length > 0
}

/** Whether it was scanned, or written to another file. */
function isWhole({ oid, file, scans }: Table, after: readonly Table[]): boolean {
  const now = after.find(table => table.oid === oid)
  return now !== undefined && (now.file !== file || now.scans !== scans)
}

type Table = { oid: string; file: string; scans: string }

async function readTables(): Promise<Table[]> {
  const { rows } = await client.query<Table>(
    `select oid::text, relfilenode::text as file, pg_stat_get_xact_numscans(oid)::text as scans from pg_class
      where relname in ('users', 'notes', 'steps') and relkind = 'r' and relnamespace = 'app'::regnamespace`,
  )
  return rows
}

describe('P30: PostgreSQL agrees with the rules', () => {
  it('about what is safe: no such statement reads or writes a table in use as a whole while it locks it', async () => {
    const effects = new Map<string, Effect>()
    for (const sql of SAFE) if (!sql.includes(MARKER)) effects.set(sql, await effectOf(sql))
    expect([...effects].filter(([, effect]) => effect === 'dangerous').map(([sql]) => sql)).toEqual([])
    expect([...effects.values()].filter(effect => effect !== 'failed').length).toBeGreaterThan(40)
  })

  it.each<RuleName>([
    'change-column-type',
    'set-not-null',
    'add-column-rewrite',
    'create-index',
    'add-foreign-key',
    'add-check',
    'validate-constraint',
    'add-unique',
    'rewrite-table',
  ])('about what %s is for', async rule => {
    const effects: Effect[] = []
    for (const sql of UNSAFE[rule]) if (!sql.includes(MARKER)) effects.push(await effectOf(sql))
    expect(effects).toContain('dangerous')
  })

  it('about every column that may be added', async () => {
    const column = fc.record({
      type: fc.constantFrom(
        'int',
        'text',
        'uuid',
        'timestamptz',
        'serial',
        'bigserial',
        'float',
        'varchar(9)',
      ),
      value: fc.constantFrom(
        ...['', 'default 1', `default '1'`, 'default null', 'default now()', 'default current_date'],
        ...[
          'default gen_random_uuid()',
          'default clock_timestamp()',
          'default random()',
          `default nextval('s')`,
        ],
        ...['default null::int', 'default (1 + 2)', 'default lower(current_user)', 'default clean_up()'],
        ...['generated always as identity', 'generated always as (age + 1) stored'],
        ...['generated always as (age + 1) virtual', 'default statement_timestamp()'],
      ),
      rest: fc.subarray([
        'not null',
        'unique',
        'check (age > 0)',
        'references users',
        'check (age > 0) not enforced',
      ]),
    })
    const found = { dangerous: 0, safe: 0, failed: 0 }
    await fc.assert(
      fc.asyncProperty(column, async ({ type, value, rest }) => {
        const sql = `alter table notes add column age int; alter table users add column x ${type} ${value} ${rest.join(' ')}`
        const effect = await effectOf(sql)
        const rules = await rulesOf(BEFORE, sql)
        if (effect === 'dangerous') expect(rules, sql).not.toEqual([])
        found[effect] += 1
      }),
      { numRuns: 200 },
    )
    expect(found.dangerous).toBeGreaterThan(0)
    expect(found.safe).toBeGreaterThan(0)
  })

  it('about constraints, in whichever order and migration they are added, validated and dropped', async () => {
    const action = fc.constantFrom(
      'add constraint c check (a > 0)',
      'add constraint c check (a > 0) not valid',
      'add constraint c check (a > 0) not enforced',
      'add constraint c check (a is not null)',
      'add constraint c check (a is not null and b > 0) not valid',
      'add constraint c check (a is not null or b > 0)',
      'add constraint c check (a is not null) not enforced',
      'validate constraint c',
      'drop constraint c',
      'add constraint n not null a',
      'add constraint n not null a not valid',
      'validate constraint n',
      'alter a set not null',
      'alter a drop not null',
      'add constraint f foreign key (a) references users',
      'add constraint f foreign key (a) references users not valid',
      'validate constraint f',
      'add unique (a)',
      'set (fillfactor = 50)',
      'alter a set statistics 10',
      'add column z int default 5',
    )
    const steps = fc.array(fc.tuple(action, fc.constantFrom(', ', '; alter table steps ', undefined)), {
      minLength: 1,
      maxLength: 5,
    })
    const found = { dangerous: 0, safe: 0, failed: 0 }
    await fc.assert(
      fc.asyncProperty(steps, async all => {
        const migrations = ['alter table steps ']
        for (const [index, [text, next]] of all.entries()) {
          const isLast = index === all.length - 1
          migrations.push(`${migrations.pop()}${text}${isLast ? '' : (next ?? '')}`)
          if (!isLast && next === undefined) migrations.push('alter table steps ')
        }
        await client.query('drop table if exists steps; create table steps (a int, b int)')
        await client.query('insert into steps values (11, 11), (12, 12)')
        const earlier = migrations.slice(0, -1)
        for (const sql of earlier) if (!(await isApplied(sql))) return
        const effect = await effectOf(migrations.at(-1) ?? '')
        const rules = await rulesOf(BEFORE, 'create table steps (a int, b int)', ...migrations)
        if (effect === 'dangerous') expect(rules, migrations.join('\n')).not.toEqual([])
        found[effect] += 1
      }),
      { numRuns: 200 },
    )
    expect(found.dangerous).toBeGreaterThan(0)
    expect(found.safe).toBeGreaterThan(0)
  })
})

/** Whether a migration can be applied, which it then is. */
function isApplied(sql: string): Promise<boolean> {
  return client.query(sql).then(
    () => true,
    () => false,
  )
}
