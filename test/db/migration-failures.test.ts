/** A migration that fails (P29): its message has the reason and the place, and the database keeps nothing of it. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { A, B, C, refusal, rowsOf, setUp, tablesOf } from '../helpers/migrations.ts'

describe('P29: a migration that fails', () => {
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
      /two lines \(P0001\)\. In PL\/pgSQL function inline_code_block line 1 at RAISE\. Hint: do that\./,
    ],
    [
      "do $$\nbegin\n  perform 1;\n  insert into nowhere values ('canary');\nend $$",
      1,
      /relation "nowhere" does not exist \(42P01\)\. In PL\/pgSQL function inline_code_block line 4 at SQL statement\. Nothing/,
    ],
    ['/* open\ncreate table x (id int);', 1, /unterminated \/\* comment/],
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

  it('does not begin where its file is not UTF-8: the database would get other characters', async () => {
    const { database, directory, apply, have } = await setUp(A)
    await have(A, B)
    const sql = "select 1;\ncreate table b (name text default 'größer')"
    for (const text of [Buffer.from(sql, 'latin1'), Buffer.from(`\uFEFF${sql}`, 'utf16le')]) {
      await writeFile(join(directory, `${B.tag}.sql`), text)
      expect(await refusal(apply())).toMatch(/_b was not begun: .*_b\.sql, line \d is not UTF-8/)
    }
    expect(await tablesOf(database)).toEqual([])
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

  it('is refused before earlier migrations are applied, where it cannot begin', async () => {
    const { database, apply } = await setUp(A, { ...B, sql: 'commit;' })
    expect(await refusal(apply())).toMatch(/_b was not begun/)
    expect(await tablesOf(database)).toEqual([])
  })

  it('at its commit leaves nothing', async () => {
    const sql = `create table p (id int primary key); create table a (p int references p deferrable initially deferred);
insert into a values (1);`
    const { database, apply } = await setUp({ ...A, sql })
    expect(await refusal(apply())).toMatch(
      /20260101000000_a failed: .*foreign key constraint.*Nothing of it was applied/,
    )
    expect(await tablesOf(database)).toEqual([])
  })
})
