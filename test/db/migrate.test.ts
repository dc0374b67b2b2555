/** Proves promise 29: a migration is applied, or refused by name; what fails says why, and leaves what it says. */
import { drizzle } from 'drizzle-orm/node-postgres'
import { migrate as migrateWithDrizzle } from 'drizzle-orm/node-postgres/migrator'
import pg from 'pg'
import { describe, expect, it } from 'vitest'
import { dryRun, type MigrateOptions, migrate, readStatus } from '../../src/db/migrate.ts'
import { PlainError } from '../../src/plain-error.ts'
import { emptyDatabaseOfTest, type TestDatabase } from '../helpers/database.ts'
import { migrationsFolder, type TestMigration, writeMigrations } from '../helpers/migrations.ts'

const A = { tag: '20260101000000_a', when: 1_767_225_600_000, sql: 'create table a (id int);' }
const B = { tag: '20260102000000_b', when: 1_767_312_000_000, sql: 'create table b (id int);' }
const C = { tag: '20260103000000_c', when: 1_767_398_400_000, sql: 'create table c (id int);' }

/** A database and a folder, both of the test. */
async function setUp(...first: TestMigration[]) {
  const database = await emptyDatabaseOfTest()
  const directory = await migrationsFolder(first)
  const lines: string[] = []
  const options = { directory, lockTimeout: 200, onProgress: (line: string) => void lines.push(line) }
  return {
    database,
    directory,
    lines,
    apply: (more: MigrateOptions = {}) => migrate(database.url, { ...options, ...more }),
    /** Replaces the migrations. */
    have: (...migrations: TestMigration[]) => writeMigrations(directory, migrations),
    states: async () =>
      (await readStatus(database.url, directory)).entries.map(
        ({ migration, state }) => `${migration.tag.slice(-1)} ${state}`,
      ),
  }
}

async function tablesOf({ query }: TestDatabase): Promise<string[]> {
  const { rows } = await query(
    `select relname from pg_class where relnamespace = 'public'::regnamespace order by 1`,
  )
  return rows.map(({ relname }) => relname)
}

async function rowsOf({ query }: TestDatabase) {
  const { rows } = await query(
    'select created_at::text as when, hash, name from drizzle.__drizzle_migrations order by id',
  )
  return rows
}

/** The message of a refusal, which is for a person: a plain error of one line. */
async function refusal(work: Promise<unknown>): Promise<string> {
  const error = await work.then(
    () => new Error('nothing was refused'),
    reason => reason,
  )
  expect(error).toBeInstanceOf(PlainError)
  return (error as Error).message
}

describe('P29: the history of the database and that of the folder', () => {
  it('a migration that is merged late is refused by name, and applied where that is allowed', async () => {
    const { database, apply, have, states } = await setUp(B)
    await apply()
    await have(A, B)
    expect(await states()).toEqual(['a out of order', 'b applied'])
    expect(await refusal(apply())).toMatch(/20260101000000_a is not applied, but later ones are/)
    expect(await tablesOf(database)).toEqual(['b'])
    expect(await apply({ allowOutOfOrder: true })).toEqual([A.tag])
    expect(await tablesOf(database)).toEqual(['a', 'b'])
    expect(await states()).toEqual(['a applied', 'b applied'])
    expect(await apply()).toEqual([])
  })

  it('one that comes last in the journal is applied, whatever its time', async () => {
    const { database, apply, have } = await setUp(B)
    await apply()
    await have(B, A)
    expect(await apply()).toEqual([A.tag])
    expect(await tablesOf(database)).toEqual(['a', 'b'])
  })

  it.for([
    ['edited', [{ ...A, sql: 'create table a (id bigint);' }, B], /20260101000000_a was edited after/],
    ['edited in its last comment', [{ ...A, sql: `${A.sql} --` }, B], /20260101000000_a was edited after/],
    [
      'given another time',
      [{ ...A, when: A.when + 1 }, B],
      /20260101000000_a was renamed after it was applied/,
    ],
    [
      'generated anew',
      [{ ...A, when: A.when + 1, sql: 'select 1;' }, B],
      /20260101000000_a was edited after/,
    ],
    [
      'renamed',
      [{ ...A, tag: '20260101000001_x', when: A.when + 1 }, B],
      /20260101000001_x was renamed.*20260101000000_a/,
    ],
    ['deleted', [B], /20260101000000_a \(2026-01-01T00:00:00.000Z\) was applied, but is not among/],
    ['deleted, the newest', [A], /20260102000000_b .* a newer version of the service/],
  ] as const)('one that was %s is refused by name, and nothing is applied', async ([, changed, message]) => {
    const { database, apply, have } = await setUp(A, B)
    await apply()
    await have(...changed, C)
    if (changed.length === 1 && changed[0].tag === A.tag) await have(A)
    const before = await rowsOf(database)
    expect(await refusal(apply({ allowOutOfOrder: true }))).toMatch(message)
    expect(await tablesOf(database)).toEqual(['a', 'b'])
    expect(await rowsOf(database)).toEqual(before)
  })

  it('all differences are named at once', async () => {
    const { apply, have } = await setUp(A, B)
    await apply()
    await have({ ...A, sql: 'select 1;' })
    const message = await refusal(apply())
    expect(message).toContain(A.tag)
    expect(message).toContain(B.tag)
  })

  it('a file of another name with the same time and contents is the same migration', async () => {
    const { database, apply, have } = await setUp(A)
    await apply()
    await have({ ...A, tag: '20260101000000_better' })
    expect(await apply()).toEqual([])
    expect((await rowsOf(database))[0]?.name).toBe('20260101000000_better')
  })

  it('a row that is there twice is refused', async () => {
    const { database, apply } = await setUp(A)
    await apply()
    await database.query(
      'insert into drizzle.__drizzle_migrations (hash, created_at) select hash, created_at from drizzle.__drizzle_migrations',
    )
    expect(await refusal(apply())).toMatch(
      /recorded twice.*delete from drizzle.__drizzle_migrations where id = 2/,
    )
  })

  it('a database of a newer version is refused, or accepted where that is allowed', async () => {
    const { apply, have, lines } = await setUp(A, B)
    await apply()
    await have(A)
    expect(await refusal(apply())).toMatch(/20260102000000_b .*--allow-newer/)
    expect(await apply({ allowNewer: true })).toEqual([])
    expect(lines.join()).toMatch(/20260102000000_b .* newer version/)
    // Older than what the newer version has applied: out of order.
    await have(A, { ...C, when: A.when + 1 })
    expect(await refusal(apply({ allowNewer: true }))).toMatch(/20260103000000_c is not applied, but later/)
  })

  it('CRLF and LF checkouts migrate the same database', async () => {
    const sql = 'create table a (\n  id int\n);\n--> statement-breakpoint\nselect 1;\n'
    const { apply, have, states } = await setUp({ ...A, sql: sql.replaceAll('\n', '\r\n') })
    await apply()
    await have({ ...A, sql }, B)
    expect(await apply()).toEqual([B.tag])
    await have({ ...A, sql: sql.replaceAll('\n', '\r\n') }, B)
    expect(await states()).toEqual(['a applied', 'b applied'])
  })

  it('a row that drizzle-orm wrote from a CRLF checkout is of the LF file too', async () => {
    const sql = 'create table a (\n  id int\n);\n'
    const { database, directory, apply, have } = await setUp({ ...A, sql: sql.replaceAll('\n', '\r\n') })
    await withDrizzle(database, db => migrateWithDrizzle(db, { migrationsFolder: directory }))
    await have({ ...A, sql }, B)
    expect(await apply()).toEqual([B.tag])
  })
})

async function withDrizzle(
  { url }: TestDatabase,
  work: (db: ReturnType<typeof drizzle>) => Promise<void>,
): Promise<void> {
  const pool = new pg.Pool({ connectionString: url, max: 1 })
  await work(drizzle(pool)).finally(() => pool.end())
}

describe("drizzle-orm's own migrator", () => {
  it('sees as applied what was applied here, and what it has applied is seen here', async () => {
    const { database, directory, apply, have, states } = await setUp(A)
    const theirs = () => withDrizzle(database, db => migrateWithDrizzle(db, { migrationsFolder: directory }))
    await theirs()
    expect(await states()).toEqual(['a applied'])
    await have(A, B)
    expect(await apply()).toEqual([B.tag])
    await theirs()
    await have(A, B, C)
    await theirs()
    expect(await apply()).toEqual([])
    expect((await rowsOf(database)).map(({ name }) => name)).toEqual([A.tag, B.tag, C.tag])
    expect(await tablesOf(database)).toEqual(['a', 'b', 'c'])
  })
})

describe('a dry run', () => {
  it('prints SQL that does the same by psql, and changes nothing', async () => {
    const { database, directory, apply, have } = await setUp(A)
    await have({ ...A, sql: `${A.sql}\n--> statement-breakpoint\ninsert into a values (1) -- one` }, B)
    const { sql, count } = await dryRun(database.url, { directory })
    expect(count).toBe(2)
    expect(await tablesOf(database)).toEqual([])
    expect((await database.query(`select to_regnamespace('drizzle') as name`)).rows[0].name).toBe(null)
    await database.query(sql)
    expect(await tablesOf(database)).toEqual(['a', 'b'])
    expect(await apply()).toEqual([])
    expect(await dryRun(database.url, { directory })).toEqual({ sql: '', count: 0 })
  })

  it('refuses what a run would refuse', async () => {
    const { database, directory, apply, have } = await setUp(A)
    await apply()
    await have({ ...A, sql: 'select 1;' })
    expect(await refusal(dryRun(database.url, { directory }))).toContain('was edited')
  })
})

describe('a migration that fails', () => {
  it.for([
    [
      'select 1;\n\n  alter table nowhere\n    add column x int;',
      3,
      /relation "nowhere" does not exist \(42P01\)/,
    ],
    [
      "-- \u{1F418}\u{1F418}\nselect '\u{1F418}',\n  nothing;",
      3,
      /column "nothing" does not exist \(42703\)/,
    ],
    [
      'select 1;\n--> statement-breakpoint\n\nselect 1;\nselekt 2;',
      5,
      /syntax error at or near "selekt" \(42601\)/,
    ],
    [
      'select 1;\n--> statement-breakpoint\n\n\nselect f(1);',
      5,
      /f\(integer\) does not exist.*Hint: No function matches/,
    ],
    ['create table x (id int);\ncreate table x (id int);', 2, /relation "x" already exists/],
    [
      "do $$ begin raise exception using message = 'two\n lines', hint = 'do that'; end $$",
      1,
      /two lines \(P0001\)\. Hint: do that\./,
    ],
  ] as const)('is named with the place, and nothing of it stays: %j', async ([sql, line, reason]) => {
    const { database, apply, have, lines } = await setUp(A)
    await have(A, { ...B, sql: `create table left_over (id int);\n${sql}` }, C)
    const message = await refusal(apply())
    expect(message).toMatch(reason)
    expect(message).toMatch(/^20260102000000_b failed at drizzle\/20260102000000_b\.sql, line \d+: [^\n]*$/)
    expect(message).toContain(`line ${line + 1}:`)
    expect(message).toContain('Nothing of it was applied.')
    expect(lines).toEqual([`Applied before the failure: ${A.tag}.`])
    expect(await tablesOf(database)).toEqual(['a'])
    expect((await rowsOf(database)).map(({ name }) => name)).toEqual([A.tag])
    await have(A, B, C)
    expect(await apply()).toEqual([B.tag, C.tag])
  })

  it.for([
    ['create unique index u on a (secret)', /could not create unique index "u" \(23505\)/],
    [
      'alter table a alter column secret type int using secret::int',
      /invalid input syntax for type integer: "…" \(22P02\)/,
    ],
    ["alter table a add check (secret <> 'canary')", /check constraint "a_secret_check" .* is violated/],
    ['alter table a alter column secret type timestamptz using secret::timestamptz', /\(22007\)/],
  ] as const)('quotes no value of a row: %s', async ([sql, reason]) => {
    const { apply, have } = await setUp({
      ...A,
      sql: "create table a (secret text); insert into a values ('canary'), ('canary')",
    })
    await apply()
    await have(
      { ...A, sql: "create table a (secret text); insert into a values ('canary'), ('canary')" },
      { ...B, sql },
    )
    const message = await refusal(apply())
    expect(message).toMatch(reason)
    expect(message).not.toContain('canary')
  })

  it.for([
    'commit;',
    'select 1; COMMIT',
    'begin; select 1;',
    'rollback;',
    '/* x */ end;',
    'abort',
    'start transaction;',
  ])('is not begun where it would end its own transaction: %s', async command => {
    for (const marker of ['', '-- migrate: no-transaction\n']) {
      const { database, apply } = await setUp({ ...A, sql: `${marker}create table a (id int);\n${command}` })
      expect(await refusal(apply())).toMatch(
        /20260101000000_a was not begun: drizzle\/20260101000000_a\.sql, line/,
      )
      expect(await tablesOf(database)).toEqual([])
    }
  })

  it('may use savepoints', async () => {
    const sql = 'savepoint s; create table x (id int); rollback to savepoint s; create table a (id int);'
    const { database, apply } = await setUp({ ...A, sql })
    await apply()
    expect(await tablesOf(database)).toEqual(['a'])
  })

  it('is refused before those that come before it are applied, where it cannot be begun', async () => {
    const { database, apply } = await setUp(A, { ...B, sql: 'commit;' })
    expect(await refusal(apply())).toMatch(/_b was not begun/)
    expect(await tablesOf(database)).toEqual([])
  })

  it('that waits for the commit to fail leaves nothing', async () => {
    const sql = `create table p (id int primary key); create table a (p int references p deferrable initially deferred);
insert into a values (1);`
    const { database, apply } = await setUp({ ...A, sql })
    expect(await refusal(apply())).toMatch(
      /20260101000000_a failed: .*foreign key constraint.*Nothing of it was applied/,
    )
    expect(await tablesOf(database)).toEqual([])
  })
})

describe('the session of a migration', () => {
  it('has no limit for statements, whatever the role has, and starts afresh for each', async () => {
    const check = (name: string, value: string) =>
      `do $$ begin if current_setting('${name}') <> '${value}' then raise exception '${name} is %', current_setting('${name}'); end if; end $$;`
    const { database, apply } = await setUp(
      {
        ...A,
        sql: `select pg_sleep(0.2); set search_path = ''; set work_mem = '1MB'; set lock_timeout = 1; ${check('lock_timeout', '1ms')}`,
      },
      { ...B, sql: `create table b (id int); ${check('lock_timeout', '200ms')} ${check('work_mem', '4MB')}` },
      {
        ...C,
        sql: `-- migrate: no-transaction\n${check('statement_timeout', '0')}\n--> statement-breakpoint\ncreate table c (id int)`,
      },
    )
    await database.query(
      `do $$ begin execute format('alter database %I set statement_timeout = ''50ms''', current_database()); end $$`,
    )
    expect(await apply()).toHaveLength(3)
    expect(await tablesOf(database)).toEqual(['b', 'c'])
  })
})

describe('locks', () => {
  const ALTER = { ...B, sql: 'create table before_it (id int); alter table a add column x int;' }

  /** A transaction that reads the table, as a report may for long. */
  async function hold(database: TestDatabase) {
    const client = await database.connect()
    await client.query("set application_name = 'long report'")
    await client.query('begin; select from a')
    return async () => {
      await client.query('rollback')
      client.release()
    }
  }

  it('are given up in time, tried again, and got when they are free', async () => {
    const { database, apply, have, lines } = await setUp(A)
    await apply()
    await have(A, ALTER)
    const release = await hold(database)
    const applying = apply()
    await expect
      .poll(() => lines.join('\n'), { timeout: 20_000 })
      .toMatch(/_b did not get its locks: .*It tries again in/)
    // While it pauses, and while it waits for less than its limit, others read the table.
    await database.query("set statement_timeout = '10s'; select from a")
    await release()
    expect(await applying).toEqual([B.tag])
    expect(await tablesOf(database)).toEqual(['a', 'before_it'])
  })

  it('that stay taken fail the migration, with the name of who holds them', async () => {
    const { database, apply, have } = await setUp(A)
    await apply()
    await have(A, ALTER)
    const release = await hold(database)
    const message = await refusal(apply())
    await release()
    expect(message).toMatch(
      /^20260102000000_b failed at drizzle\/20260102000000_b\.sql, line 1: canceling statement due to lock timeout/,
    )
    expect(message).toMatch(
      /tried 5 times\. The lock was held by pid \d+ \(long report, user \w+, idle in transaction for \d+ s\)/,
    )
    expect(message).toContain('MIGRATION_LOCK_TIMEOUT')
    expect(await tablesOf(database)).toEqual(['a'])
  })

  it('of another migrator are waited for', async () => {
    const { database, apply } = await setUp(A)
    const other = await database.connect()
    await other.query('select pg_advisory_lock(7265481)')
    const applying = apply()
    await expect
      .poll(
        async () =>
          (
            await database.query(
              "select from pg_stat_activity where application_name = 'plumbline-migrate' and state = 'active' and query ~ 'advisory' and datname = current_database()",
            )
          ).rowCount,
      )
      .toBe(0)
    expect(await tablesOf(database)).toEqual([])
    await other.query('select pg_advisory_unlock(7265481)')
    other.release()
    expect(await applying).toEqual([A.tag])
  })
})

describe('a migration outside a transaction', () => {
  const concurrent = (sql: string) => ({ ...B, sql: `-- migrate: no-transaction\n${sql}` })
  const BREAK = '\n--> statement-breakpoint\n'

  it('builds an index concurrently, also while others wait for their turn', async () => {
    const { database, apply, have } = await setUp(A)
    await apply()
    await have(A, concurrent('create index concurrently a_id on a (id);'), C)
    const applied = await Promise.all([apply(), apply(), apply()])
    expect(applied.flat()).toEqual([B.tag, C.tag])
    expect(await tablesOf(database)).toEqual(['a', 'a_id', 'c'])
    expect((await database.query('select from pg_index where not indisvalid')).rowCount).toBe(0)
  })

  it('runs each statement alone, also where no breakpoint is between them', async () => {
    const { database, apply, have } = await setUp(A)
    await apply()
    await have(
      A,
      concurrent('create index concurrently one on a (id);\ncreate index concurrently two on a (id)'),
    )
    await apply()
    expect(await tablesOf(database)).toEqual(['a', 'one', 'two'])
  })

  it('without the mark fails with the reason', async () => {
    const { apply, have } = await setUp(A)
    await apply()
    await have(A, { ...B, sql: 'create index concurrently a_id on a (id);' })
    expect(await refusal(apply())).toMatch(/CREATE INDEX CONCURRENTLY cannot run inside a transaction block/)
  })

  it('that fails names what stays, is not recorded, and goes on there', async () => {
    const { database, apply, have, lines, states } = await setUp(A)
    const sql = `insert into a values (1), (1);${BREAK}create unique index concurrently a_id on a (id);${BREAK}create table d (id int);`
    await have(A, concurrent(sql))
    const message = await refusal(apply())
    expect(message).toMatch(
      /20260102000000_b failed at drizzle\/20260102000000_b\.sql, line 4: could not create unique index "a_id"/,
    )
    expect(message).toContain('The database keeps the 1 statement before it')
    expect(message).toContain('public.a_id is INVALID and not used: `drop index concurrently public.a_id`')
    expect((await rowsOf(database)).map(({ name }) => name)).toEqual([A.tag])
    expect(await states()).toEqual(['a applied', 'b pending'])

    // The index is there, and not valid: to go on would be to record what is not so.
    expect(await refusal(apply())).toMatch(/"a_id" already exists.*public\.a_id is INVALID/)
    await database.query('drop index a_id; delete from a where ctid = (select min(ctid) from a)')
    expect(await apply()).toEqual([B.tag])
    expect(lines.join('\n')).toContain('Continuing 20260102000000_b after 1 statement')
    expect((await database.query('select id from a')).rows).toEqual([{ id: 1 }])
    expect(await tablesOf(database)).toEqual(['a', 'a_id', 'd'])
    expect((await database.query('select from drizzle.__migration_progress')).rowCount).toBe(0)
  })

  it('does not pass over an invalid index with "if not exists"', async () => {
    const { database, apply, have } = await setUp(A)
    await apply()
    await database.query('insert into a values (1), (1)')
    await have(A, concurrent('create unique index concurrently if not exists a_id on a (id);'))
    expect(await refusal(apply())).toContain('public.a_id is INVALID')
    await database.query('delete from a')
    expect(await refusal(apply())).toMatch(/_b was not completed: .*line 2, the index public.a_id is INVALID/)
    await database.query('drop index a_id')
    expect(await apply()).toEqual([B.tag])
  })

  it('that was edited before what is behind it is not continued', async () => {
    const { apply, have } = await setUp(A)
    await have(A, concurrent(`insert into a values (1);${BREAK}select nothing;`))
    await refusal(apply())
    await have(A, concurrent(`insert into a values (2);${BREAK}select 1;`))
    expect(await refusal(apply())).toMatch(
      /_b was not continued: .*statement 1 of drizzle\/20260102000000_b\.sql/,
    )
    // What had failed may change.
    await have(A, concurrent(`insert into a values (1);${BREAK}select 1;`))
    expect(await apply()).toEqual([B.tag])
  })

  it('that is half applied may not be deleted', async () => {
    const { apply, have } = await setUp(A)
    await have(A, concurrent(`insert into a values (1);${BREAK}select nothing;`))
    await refusal(apply())
    await have(A)
    expect(await refusal(apply())).toMatch(/20260102000000_b was begun .* its file is gone/)
  })

  it('that failed at its first statement and left nothing may be deleted', async () => {
    const { apply, have } = await setUp(A)
    await have(A, concurrent('select nothing;'))
    expect(await refusal(apply())).toContain('No statement of it was completed.')
    await have(A)
    expect(await apply()).toEqual([])
  })

  it('says so where an earlier run may have made what is there, and was killed before it could write it down', async () => {
    const { database, apply, have } = await setUp(A)
    await apply()
    const migration = concurrent('create index concurrently a_id on a (id);')
    await have(A, migration)
    await database.query('create index a_id on a (id)')
    await database.query(
      'create table drizzle.__migration_progress (created_at bigint, position int, hash text not null, name text not null, primary key (created_at, position))',
    )
    await database.query('insert into drizzle.__migration_progress values ($1, 0, $2, $3)', [
      B.when,
      '',
      B.tag,
    ])
    expect(await refusal(apply())).toMatch(/"a_id" already exists.* An earlier run was cut short/)
    await database.query('drop index a_id')
    expect(await apply()).toEqual([B.tag])
  })

  it('a dry run prints only what is left of it', async () => {
    const { database, directory, apply, have } = await setUp(A)
    await have(A, concurrent(`insert into a values (1);${BREAK}select nothing;`))
    await refusal(apply())
    await have(A, concurrent(`insert into a values (1);${BREAK}select 1;`))
    const { sql } = await dryRun(database.url, { directory })
    expect(sql).not.toContain('insert into a')
    expect(sql).toContain('select 1;')
  })

  it('waits as long as it takes to build an index, and says for whom', async () => {
    const { database, apply, have, lines } = await setUp(A)
    await apply()
    await have(A, concurrent('create index concurrently a_id on a (id);'))
    const writer = await database.connect()
    await writer.query("set application_name = 'long writer'; begin; insert into a values (1)")
    const applying = apply()
    await expect
      .poll(() => lines.join(), { timeout: 20_000 })
      .toMatch(/_b waits for a lock of pid \d+ \(long writer/)
    await writer.query('commit')
    writer.release()
    expect(await applying).toEqual([B.tag])
  })
})

describe('the schema of the tables', () => {
  const KEYS = {
    ...A,
    sql: 'create table p (id int primary key); create table c (p int references "public"."p" (id));',
  }
  const withPath = (url: string, path: string) => {
    const changed = new URL(url)
    changed.searchParams.set('options', `-c search_path=${path}`)
    return changed.href
  }

  it.for(['app', 'nowhere', 'app,nowhere', 'pg_catalog', '""'])(
    'is refused in a sentence where a search_path of %s does not reach it',
    async path => {
      const { database, directory } = await setUp(KEYS)
      await database.query('create schema app')
      const message = await refusal(migrate(withPath(database.url, path), { directory }))
      expect(message).toMatch(/^The tables belong in the schema public, which this connection's search_path/)
      expect(await tablesOf(database)).toEqual([])
    },
  )

  it.for(['app,public', 'public,app', '"$user",public'])(
    'gets the tables with a search_path of %s',
    async path => {
      const { database, directory } = await setUp(KEYS)
      await database.query(
        "create schema app; do $$ begin execute format('create schema %I', current_user); end $$",
      )
      expect(await migrate(withPath(database.url, path), { directory })).toEqual([A.tag])
      expect(await tablesOf(database)).toEqual(['c', 'p', 'p_pkey'])
    },
  )

  it('is decided by what the connection has, not by its address alone', async () => {
    const { database, directory } = await setUp(KEYS)
    await database.query('create schema app')
    await database.query(
      `do $$ begin execute format('alter database %I set search_path = app', current_database()); end $$`,
    )
    expect(await refusal(migrate(database.url, { directory }))).toContain('search_path (app)')
    await database.query('drop schema public')
    expect(await refusal(migrate(database.url, { directory }))).toContain('create schema public')
  })
})
