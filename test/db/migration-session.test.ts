/** The session of a migration: limits, locks and the schema do not depend on the role and the database. */
import { describe, expect, it } from 'vitest'
import { migrate } from '../../src/db/migrate.ts'
import type { TestDatabase } from '../helpers/database.ts'
import { A, B, C, refusal, setUp, tablesOf } from '../helpers/migrations.ts'

describe('the session of a migration', () => {
  it('has no limit for statements, also where the role has one, and is reset for each migration', async () => {
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

it('the role that a migration sets creates its tables, and neither the record nor the next migration', async () => {
  const role = `owner_${process.pid}`
  for (const command of ['role', 'local role', 'session authorization']) {
    const { database, apply } = await setUp({ ...A, sql: `set ${command} ${role}; ${A.sql}` }, B)
    await database.query(`create role ${role}; grant create on schema public to ${role}`)
    try {
      expect(await apply()).toEqual([A.tag, B.tag])
      const { rows } = await database.query(
        `select tablename as name, tableowner = '${role}' as is_theirs from pg_tables where schemaname = 'public' order by 1`,
      )
      expect(rows).toEqual([
        { name: 'a', is_theirs: true },
        { name: 'b', is_theirs: false },
      ])
    } finally {
      await database.query(`drop owned by ${role}; drop role ${role}`)
    }
  }
})

describe('P29: locks', () => {
  const ALTER = { ...B, sql: 'create table before_it (id int); alter table a add column x int;' }

  /** A transaction that reads the table for a long time, as a report may. */
  async function hold(database: TestDatabase) {
    const client = await database.connect()
    await client.query("set application_name = 'long report'")
    await client.query('begin; select from a')
    return async () => {
      await client.query('rollback')
      client.release()
    }
  }

  it('are released in time, tried again, and acquired when they are free', async () => {
    const { database, apply, have, lines } = await setUp(A)
    await apply()
    await have(A, ALTER)
    const release = await hold(database)
    const applying = apply()
    await expect
      .poll(() => lines.join('\n'), { timeout: 20_000 })
      .toMatch(/_b did not get its locks: .*It tries again in/)
    // While it pauses, and while it waits, others can read the table.
    await database.query("set statement_timeout = '10s'; select from a")
    await release()
    expect(await applying).toEqual([B.tag])
    expect(await tablesOf(database)).toEqual(['a', 'before_it'])
  })

  it('that are not released fail the migration, with the session that holds them', async () => {
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

  it.for(['access exclusive', 'share'])(
    "on the table of applied migrations, held in mode %s, are given up in time, with the holder's name",
    async mode => {
      const { database, apply, have, states } = await setUp(A)
      await apply()
      // As drizzle-orm creates it: it gets its columns here.
      await database.query(
        'alter table drizzle.__drizzle_migrations drop column name, drop column applied_at',
      )
      await have(A, B)
      const client = await database.connect()
      await client.query(
        `set application_name = 'backup'; begin; lock table drizzle.__drizzle_migrations in ${mode} mode`,
      )
      const message = await refusal(apply())
      expect(message).toMatch(
        /^The table of applied migrations cannot be used: canceling statement due to lock timeout \(55P03\)\./,
      )
      expect(message).toMatch(/The lock was held by pid \d+ \(backup, .*Run the command again/)
      await client.query('rollback')
      client.release()
      expect(await states()).toEqual(['a applied', 'b pending'])
      expect(await apply()).toEqual([B.tag])
    },
  )

  it('of another migrator are waited for, and a long wait reports the session that holds them', async () => {
    const { database, apply, lines } = await setUp(A)
    const other = await database.connect()
    await other.query("set application_name = 'other migrator'; select pg_advisory_lock(7265481)")
    const applying = apply()
    await expect
      .poll(() => lines.join(), { timeout: 20_000 })
      .toMatch(
        /^Waiting for another migration to end: pid \d+ \(other migrator, .*\)\. It is idle: .*DATABASE_DIRECT_URL/,
      )
    expect(await tablesOf(database)).toEqual([])
    await other.query('select pg_advisory_unlock(7265481)')
    other.release()
    expect(await applying).toEqual([A.tag])
    const { rowCount } = await database.query(
      "select from pg_locks where locktype = 'advisory' and objid = 7265481 and database = (select oid from pg_database where datname = current_database())",
    )
    expect(rowCount).toBe(0)
  })
})

it('a missing right of the role is reported with the right that it needs', async () => {
  const { database, directory } = await setUp(A)
  const role = `weak_${process.pid}`
  await database.query(`create role ${role} login password 'weak'`)
  try {
    const url = new URL(database.url)
    Object.assign(url, { username: role, password: 'weak' })
    const message = await refusal(migrate(url.href, { directory }))
    expect(message).toMatch(
      /cannot be used: permission denied for database .* \(42501\)\. Use a role that owns/,
    )
  } finally {
    await database.query(`drop role ${role}`)
  }
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
    'is refused with a sentence where a search_path of %s does not contain it',
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

  it('is decided by the settings of the connection, not by its address alone', async () => {
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
