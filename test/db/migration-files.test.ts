/** Reading the migrations folder: order, hashes, statements and markers, and the folders that are refused. */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { readMigrationFiles } from 'drizzle-orm/migrator'
import { describe, expect, it } from 'vitest'
import { dryRun, migrate } from '../../src/db/migrate.ts'
import { hasHash, lineAt, MIGRATIONS_FOLDER, readMigrations } from '../../src/db/migration-files.ts'
import { emptyDatabaseOfTest } from '../helpers/database.ts'
import { migrationsFolder, type TestMigration } from '../helpers/migrations.ts'

const A = { tag: '20260101000000_a', when: 1000, sql: 'create table a (id int);' }
const B = { tag: '20260102000000_b', when: 2000, sql: 'create table b (id int);' }

async function read(...migrations: TestMigration[]) {
  return readMigrations(await migrationsFolder(migrations))
}

describe('the migrations folder', () => {
  it('is read as drizzle-orm reads it: the same order, times, hashes and statements', () => {
    const theirs = readMigrationFiles({ migrationsFolder: MIGRATIONS_FOLDER })
    const ours = readMigrations()
    expect(ours.map(({ when, hash }) => ({ when, hash }))).toEqual(
      theirs.map(({ folderMillis, hash }) => ({ when: folderMillis, hash })),
    )
    expect(ours.map(({ statements }) => statements.map(({ sql }) => sql))).toEqual(
      theirs.map(({ sql }) => sql),
    )
    // drizzle-orm does not have this: only marked migrations run outside a transaction.
    expect(ours.map(({ transaction }) => transaction)).toEqual(
      theirs.map(({ sql }) => !sql.join().includes('-- migrate: no-transaction')),
    )
  })

  it('keeps the order of the journal, not that of the times', async () => {
    expect((await read(B, A)).map(({ tag }) => tag)).toEqual([B.tag, A.tag])
  })

  it('has one hash for LF and CRLF line ends, and knows the hashes that drizzle computes from both', async () => {
    const sql = '-- two\ncreate table a (\n  id int\n);\n--> statement-breakpoint\nselect 1;\n'
    const crlf = sql.replaceAll('\n', '\r\n')
    const mixed = sql.replace('\n', '\r\n')
    for (const text of [sql, crlf, mixed]) {
      const folder = await migrationsFolder([{ ...A, sql: text }])
      const [migration] = readMigrations(folder)
      const [drizzle] = readMigrationFiles({ migrationsFolder: folder })
      expect(migration?.sql).toBe(sql)
      expect(migration && drizzle && hasHash(migration, drizzle.hash)).toBe(true)
    }
    const [one] = await read({ ...A, sql })
    const [other] = await read({ ...A, sql: crlf })
    expect(other?.hash).toBe(one?.hash)
    expect(one && hasHash(one, (await read({ ...A, sql: crlf.trimEnd() }))[0]?.hash ?? '')).toBe(false)
  })

  it('knows where each statement begins, and leaves out parts that are only comments', async () => {
    const sql =
      '-- why\nselect 1;\n--> statement-breakpoint\n\nselect 2;\n--> statement-breakpoint\n-- the end\n'
    const [migration] = await read({ ...A, sql })
    expect(migration?.statements.map(({ sql }) => sql.trim())).toEqual(['-- why\nselect 1;', 'select 2;'])
    const lines = migration?.statements.map(({ offset }) => lineAt(migration, offset))
    expect(lines).toEqual([1, 3])
  })

  it('takes no statement for a comment: after a CR alone, or in a comment without an end', async () => {
    for (const sql of ['-- why\rselect 1;\r', '/* why\nselect 1;']) {
      expect((await read({ ...A, sql }))[0]?.statements.map(({ sql }) => sql)).toEqual([sql])
    }
  })
})

describe('a name', () => {
  it.for(["it's ready", 'größer', '日本', 'a.b-c'])('of any letters is one: %s', async tag => {
    const folder = await migrationsFolder([{ ...A, tag }])
    const path = join(folder, 'meta/_journal.json')
    await writeFile(path, `\uFEFF${await readFile(path, 'utf8')}`)
    expect(readMigrations(folder).map(one => one.tag)).toEqual([tag])
    const { url, query } = await emptyDatabaseOfTest()
    const { sql } = await dryRun(url, { directory: folder })
    await query(sql)
    expect(await migrate(url, { directory: folder })).toEqual([])
  })
})

describe('the marker no-transaction', () => {
  it.for([
    '-- migrate: no-transaction\nselect 1;',
    '\n\n-- why\n--migrate:no-transaction\r\nselect 1;',
    '/* a comment; of\n two lines */\n  --  migrate:  no-transaction  \nselect 1;',
    '-- migrate: allow index: small table\n-- migrate: no-transaction\nselect 1;',
    '\uFEFF-- Migrate : no-transaction\nselect 1;',
    '-- why\r-- migrate: no-transaction\rselect 1;',
  ])('counts before the first statement: %j', async sql => {
    expect((await read({ ...A, sql }))[0]?.transaction).toBe(false)
  })

  it.for([
    'select 1; -- migrate: no-transaction',
    "-- this is not the marker: migrate: no-transaction\nselect '-- migrate: no-transaction';",
    '-- migrate: allow index: small table\nselect 1;',
  ])('is a line of its own: %j', async sql => {
    expect((await read({ ...A, sql }))[0]?.transaction).toBe(true)
  })
})

describe('what is refused', () => {
  it.for([
    ['select 1;\n-- migrate: no-transaction\n', 'must come before the first statement'],
    ['/*\n-- migrate: no-transaction\n*/\nselect 1;', 'must come before the first statement'],
    ['-- migrate: no-transction\nselect 1;', '`-- migrate: no-transction` is unknown'],
    ['-- Migrate: No-Transaction\nselect 1;', '`-- migrate: No-Transaction` is unknown'],
    ['-- migrate: allow index\nselect 1;', '`-- migrate: allow index` is unknown'],
    ['-- migrate: allow index:  \nselect 1;', 'is unknown'],
  ] as const)('a marker that would do nothing: %j', async ([sql, message]) => {
    await expect(read({ ...A, sql })).rejects.toThrow(message)
  })

  it('a name or a time used twice', async () => {
    await expect(read(A, A)).rejects.toThrow(`${A.tag} is twice in drizzle/meta/_journal.json`)
    await expect(read(A, { ...B, when: A.when })).rejects.toThrow(`${A.tag} and ${B.tag} have the same time`)
  })

  it('a file without an entry, and an entry without a file, both at once', async () => {
    const folder = await migrationsFolder([A])
    await writeFile(join(folder, '20260103000000_lost.sql'), 'select 1;')
    const entries = [A, B].map(({ tag, when }) => ({ tag, when }))
    await writeFile(join(folder, 'meta/_journal.json'), JSON.stringify({ entries }))
    expect(() => readMigrations(folder)).toThrow(
      /20260103000000_lost\.sql has no entry[^\n]*\n[^\n]*20260102000000_b\.sql is in the journal but not/,
    )
  })

  it.for([
    ['<<<<<<< ours\n{}\n=======\n{}\n>>>>>>> theirs\n', 'merge conflict markers'],
    ['{}', 'is not a journal'],
    ['[]', 'is not a journal'],
    ['{"entries":[{"tag":"../../a","when":1}]}', 'is not a journal'],
    ['{"entries":[{"tag":"a\\u0000","when":1}]}', 'is not a journal'],
    ['{"entries":[{"tag":"a","when":"1"}]}', 'is not a journal'],
    ['{"entries":[{"tag":"a"}]}', 'is not a journal'],
    ['', 'is not a journal'],
  ] as const)('a journal of %j', async ([text, message]) => {
    const folder = await migrationsFolder([A])
    await writeFile(join(folder, 'meta/_journal.json'), text)
    expect(() => readMigrations(folder)).toThrow(message)
  })

  it('a folder that does not exist', () => {
    expect(() => readMigrations('/nowhere/drizzle')).toThrow(
      'drizzle/meta/_journal.json cannot be read (ENOENT)',
    )
  })
})
