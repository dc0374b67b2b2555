/** P30: each rule for migrations finds what it is about, however it is spelled, and leaves alone what is safe. */
import fc from 'fast-check'
import { loadModule, scanSync } from 'libpg-query'
import { beforeAll, describe, expect, it } from 'vitest'
import { format } from '../../checks/migrations/problem.ts'
import { RULES, type RuleName } from '../../checks/migrations/rules.ts'
import { rulesOf, unsafeIn } from '../helpers/unsafe-migrations.ts'

const MARKER = '-- migrate: no-transaction\n'

/** What every case begins with, in a migration before. */
const BEFORE = `create table users (id int primary key, name text, age int);
create table notes (id int, user_id int);
create view names as select name from users;
create materialized view ages as select age from users;
alter table users add constraint known_check check (age > 0);
alter table users add constraint age_given check (age is not null and name is not null) not valid;`

/** By rule: statements that break it, and it alone. */
const UNSAFE: Record<RuleName, string[]> = {
  'drop-table': [
    'drop table users',
    'drop table if exists public.users cascade',
    'drop table users, notes',
    'drop view names',
    'drop materialized view ages',
    'drop schema app cascade',
    'drop owned by app',
    'create table t (id int); drop table t, users',
  ],
  'drop-column': [
    'alter table users drop column name',
    'alter table only users drop name',
    'alter table if exists public.users drop column if exists name cascade',
    'alter table users add column a int, drop column name',
  ],
  'drop-default': [
    'alter table users alter column name drop default',
    'alter table users alter name set default null',
    'alter table users alter name set default null::text',
    'alter table users alter age drop identity',
    'alter table users alter age drop expression',
  ],
  'drop-constraint': [
    'alter table users drop constraint users_pkey',
    'alter table users drop constraint if exists unheard_of cascade',
  ],
  'drop-object': [
    'drop function f(int)',
    'drop trigger sessions_revoked on users',
    'drop type mood',
    'drop sequence s',
    'drop extension pgcrypto',
    'drop policy p on users',
  ],
  'rename-table': [
    'alter table users rename to people',
    'alter view names rename to titles',
    'create table t (id int); alter table t rename to t2; alter table users rename to t',
  ],
  'rename-column': [
    'alter table users rename column name to title',
    'alter table users rename name to title',
  ],
  'rename-object': [
    'alter table users rename constraint users_pkey to people_pkey',
    'alter index users_pkey rename to people_pkey',
    `alter type mood rename value 'sad' to 'blue'`,
    'alter schema app rename to app2',
    'alter table users set schema app',
    'alter function f(int) rename to g',
  ],
  'change-column-type': [
    'alter table users alter column name type varchar(20)',
    'alter table users alter name set data type text using name::text',
  ],
  'set-not-null': [
    'alter table users alter column name set not null',
    'alter table users alter column age set not null',
    'alter table users add constraint n not null name',
    'alter domain d set not null',
  ],
  'add-column-not-null': [
    'alter table users add column a int not null',
    'alter table users add a int not null default null',
    'alter table users add a int default null::int not null',
  ],
  'add-column-rewrite': [
    'alter table users add column a uuid default gen_random_uuid()',
    'alter table users add column a uuid not null default gen_random_uuid()',
    'alter table users add a timestamptz default clock_timestamp()',
    'alter table users add a float default (1 + random())',
    'alter table users add a int default my_own()',
    `alter table users add a int default nextval('s')`,
    'alter table users add a serial',
    'alter table users add a bigserial not null',
    'alter table users add a int generated always as identity',
    'alter table users add a int generated always as (age + 1) stored',
  ],
  'create-index': [
    'create index on users (name)',
    'create unique index if not exists i on public.users using btree (lower(name)) where age > 1',
    'create index i on only users (name)',
    'create table if not exists users (id int); create index i on users (id)',
    'create table app.users (id int); create index i on public.users (id)',
    'create temp table users (id int); create index i on public.users (id)',
    'create table t (id int); drop table t; create index i on t (id)',
  ],
  'drop-index': ['drop index i', 'drop index if exists public.i, j'],
  'concurrently-in-transaction': [
    'create index concurrently i on users (name)',
    'create table t (id int); create index concurrently on t (id)',
    'drop index concurrently i',
    'reindex table concurrently users',
    'reindex (concurrently) index i',
    'vacuum users',
    'alter table notes detach partition users concurrently',
    `${MARKER}create index concurrently i on users (name); create index concurrently j on users (age)`,
    `${MARKER}create index concurrently i on users (name); select 1`,
  ],
  'add-foreign-key': [
    'alter table notes add constraint f foreign key (user_id) references users',
    'alter table notes add foreign key (user_id) references users (id) on delete cascade',
    'alter table notes add a int default 1 references users',
  ],
  'add-check': [
    'alter table users add constraint c check (age > 1)',
    'alter table users add check (age > 1)',
    'alter table users add a int check (a > 1)',
    'alter domain d add constraint c check (value > 1)',
  ],
  'validate-constraint': [
    'alter table users add constraint c check (age > 1) not valid; alter table users validate constraint c',
    'alter table users add constraint c check (age > 1) not valid, validate constraint c',
    `${MARKER}alter table users add constraint c check (age > 1) not valid; alter table users validate constraint c`,
  ],
  'add-unique': [
    'alter table users add constraint u unique (name)',
    'alter table users add unique nulls not distinct (name)',
    'alter table notes add primary key (id)',
    'alter table notes add constraint e exclude using gist (id with =)',
    'alter table notes add a int unique',
    'alter table notes add a int default 1 primary key',
  ],
  'attach-partition': ['alter table notes attach partition users for values from (1) to (2)'],
  'detach-partition': ['alter table notes detach partition users'],
  'rewrite-table': [
    'alter table users set unlogged',
    'alter table users set logged',
    'alter table users set tablespace fast',
    'alter index i set tablespace fast',
    'alter table all in tablespace a set tablespace b',
    'alter table users set access method heap',
    'alter table users alter age set expression as (1)',
    'vacuum full users',
    'vacuum (analyze, full true) users',
    'cluster users using users_pkey',
    'cluster',
  ],
  reindex: ['reindex table users', 'reindex (verbose, concurrently off) index i', 'reindex schema public'],
  'lock-table': ['lock table users in share mode', 'lock users'],
  truncate: ['truncate users', 'truncate table only public.users, notes cascade'],
  'unbounded-write': [
    'update users set age = 1',
    'update users set age = 1 where age is null',
    'delete from users',
    'delete from users using notes where notes.user_id = users.id',
    'update users set age = 1 where id in (select id from users)',
    'update users set age = 1 where id in (select id from users limit 1000000)',
    'update users set age = 1 where id in (select id from users limit all)',
    'update users set age = 1 where id in (select id from users order by age fetch first 9 rows with ties)',
    'update users set age = 1 where id in (select id from users limit 10) or age > 1',
    'update users set age = 1 where id not in (select id from users limit 10)',
    'update users set age = 1 where id <> any (select id from users limit 10)',
    'update users set age = 1 where id = any (array(select id from users))',
    'update users set age = 1 where id <> any (array(select id from users limit 10))',
    'update users set age = 1 where id = all (array(select id from users limit 10))',
    'with gone as (delete from users returning id) select * from gone',
    'with gone as (delete from users returning id) insert into notes values (1, 1)',
    'insert into notes select id, id from users',
    'insert into notes select id, id from users union all select 1, 1',
    'insert into users (id) select 1 from notes on conflict (id) do update set age = 1',
    'merge into users using notes on notes.user_id = users.id when matched then delete',
  ],
  'refresh-view': ['refresh materialized view ages', 'refresh materialized view ages with no data'],
  'row-security': [
    'alter table users enable row level security',
    'alter table users force row level security',
  ],
  'disable-trigger': [
    'alter table users disable trigger sessions_revoked',
    'alter table users disable trigger all',
  ],
  'change-access': [
    'revoke select on users from app',
    'revoke admin from app',
    'alter table users owner to app',
    'alter function f(int) owner to app',
  ],
  'change-settings': [
    'set lock_timeout = 0',
    'set local search_path = app',
    'set session characteristics as transaction read only',
    'reset all',
    `select set_config('lock_timeout', '0', false)`,
    `select pg_catalog.set_config('lock_timeout', '0', false)`,
    `alter role app set search_path = 'x'`,
    'alter database app set lock_timeout = 0',
    'alter system set fsync = off',
    'discard all',
  ],
  'transaction-control': ['begin', 'commit', 'rollback', 'start transaction', 'savepoint a'],
  'hidden-code': [
    'do $$ begin drop table users; end $$',
    `do language plpgsql 'begin end'`,
    'call clean_up()',
  ],
  'unknown-statement': [
    'alter table users inherit notes',
    'create schema app create table t (id int)',
    'explain analyze delete from notes where id in (select id from notes limit 1)',
    'prepare p as select 1',
    'alter type pair add attribute c int',
    'alter sequence s restart',
    'create rule r as on insert to users do instead nothing',
    'copy users from program $$ls$$',
    'listen x',
  ],
}

/** Statements that break no rule. */
const SAFE = [
  '',
  '-- drop table users',
  '/* drop table users; /* nested */ truncate users */',
  `comment on table users is 'drop table users; -- alter table users drop column name'`,
  `insert into users values (1, $$ drop table users; $$, 1), (2, E'\\'; drop table users; --', 2)`,
  'alter table users add column "drop column name" int',
  'create table "drop table" ("set not null" int not null)',
  'create table t (id int, age int references users); create index on t (id); alter table t drop column id',
  'create table "T" (id int); create index on "T" (id)',
  'create table t (id int); create unique index i on public.t (id); truncate t; lock table t; delete from t',
  'create table t as select * from users; create index on t (name); update t set age = 2',
  'select * into t from users; create index on t (name)',
  'create temp table users (id int); create index on users (id); drop table users',
  'create table t (id int); alter table t rename to t2; create index on t2 (id); drop table t2',
  'create table t (id int); alter table t rename column id to key',
  'create table t (id int); alter table t add foreign key (id) references users',
  'alter table users add column a int',
  'alter table if exists only public.users add column if not exists a int default 5 not null',
  'alter table users add a timestamptz not null default now(), add b date default current_date',
  `alter table users add a jsonb not null default '{}'::jsonb, add b text default lower('X')`,
  'alter table users add a int generated always as (age + 1) virtual',
  'alter table users add a int generated always as (age + 1)',
  'alter table users add a int references users',
  'alter table users add a int check (a > 1) not enforced',
  'alter table users alter name drop not null, alter name set default 1, alter name set statistics 5',
  'alter table users alter name set default gen_random_uuid()',
  'alter table users add constraint c check (age > 1) not valid',
  'alter table users add constraint c check (age > 1) not enforced',
  'alter table users add constraint n not null name not valid',
  'alter table notes add foreign key (user_id) references users not valid',
  'alter table users drop constraint known_check',
  'alter table users validate constraint age_given',
  'alter table users validate constraint age_given; alter table users alter name set not null, alter age set not null',
  'alter table users validate constraint age_given; alter table users add constraint n not null age',
  'alter table users add constraint u unique using index i',
  'alter table notes add constraint u primary key using index i',
  'alter table users enable trigger all, replica identity full',
  `${MARKER}create index concurrently i on users (name)`,
  `${MARKER}drop index concurrently if exists i;--> statement-breakpoint\ncreate unique index concurrently i on users (name);`,
  `${MARKER}reindex table concurrently users`,
  `${MARKER}vacuum (full false, analyze) users`,
  `${MARKER}alter table notes detach partition users concurrently`,
  `${MARKER}alter table users add constraint c check (age > 1) not valid;--> statement-breakpoint\nalter table users validate constraint c`,
  'analyze users',
  'refresh materialized view concurrently ages',
  'create or replace view names as select name, age from users',
  'create function f() returns int language sql begin atomic; delete from users; select 1; end',
  'create or replace function f() returns trigger language plpgsql as $$ begin delete from users; return null; end $$',
  'create trigger t after insert on users for each row execute function f()',
  `create type mood as enum ('sad'); alter type mood add value 'glad'`,
  'create extension if not exists pgcrypto; create sequence s; create schema app; create domain d as int',
  'grant select on users to app',
  `insert into users values (1, 'one', 1) on conflict (id) do update set age = 1`,
  'insert into notes default values',
  'insert into notes select 1, 2',
  'insert into notes select id, id from users limit 1000',
  'update users set age = 1 where id in (select id from users where age is null limit 1000)',
  'delete from users where age > 1 and id = any (select id from users order by id limit 500 for update skip locked)',
  'select 1; select count(*) from users;',
]

const CASES = Object.entries(UNSAFE).flatMap(([rule, all]) => all.map(sql => [rule, sql] as const))

describe('P30: a rule', () => {
  it.each(CASES)('%s finds: %s', async (rule, sql) => {
    expect(new Set(await rulesOf(BEFORE, sql))).toEqual(new Set([rule]))
  })

  it.each(SAFE)('finds nothing in: %s', async sql => {
    expect(await rulesOf(BEFORE, sql)).toEqual([])
  })

  it('is about each action and each statement, with the line it is on', async () => {
    const found = await unsafeIn(
      BEFORE,
      `-- é\nalter table users add a int, drop name, alter age type bigint; drop table notes;
--> statement-breakpoint
/* é */
truncate users -- not this line
;`,
    )
    expect(found.map(({ place, rule, statement }) => [place.split(':')[1], rule, statement])).toEqual([
      ['2', 'drop-column', 'alter table users add a int, drop name, alter age type bigint'],
      ['2', 'change-column-type', 'alter table users add a int, drop name, alter age type bigint'],
      ['2', 'drop-table', 'drop table notes'],
      ['5', 'truncate', 'truncate users -- not this line'],
    ])
  })

  it.each([
    ['alter tabel users add a int', 1],
    ['select 1;\n--> statement-breakpoint\nselect 1;\n select from from', 4],
    ['/* ééé\n\n */ -- é\n\n\nselect from from\n\n', 6],
    [`select '\n--> statement-breakpoint\n'`, 1],
    ['select 1;\n /* never closed', 2],
    ['select \0; drop table users', 1],
  ])('cannot be applied to what PostgreSQL cannot parse: %j', async (sql, line) => {
    const [problem] = await unsafeIn(BEFORE, sql)
    expect(problem?.what).toMatch(/^PostgreSQL cannot parse it: /)
    expect(problem?.place).toMatch(new RegExp(`_step_1\\.sql:${line}$`))
  })
})

describe('an allowance', () => {
  const why = 'the table is empty in every installation'

  it.each([
    `-- migrate: allow truncate: ${why}\ntruncate users`,
    `--migrate: allow truncate:${why}\ntruncate users`,
    `select 1;\n-- migrate: allow truncate: ${why}\n-- and more\n--> statement-breakpoint\ntruncate users`,
    `select 1; -- migrate: allow truncate: ${why}\ntruncate users`,
    `truncate -- migrate: allow truncate: ${why}\nusers`,
    `-- migrate: allow truncate: ${why}\ntruncate users;\n-- migrate: allow drop-table: ${why}\ndrop table notes`,
    `-- migrate: allow drop-column: ${why}\n-- migrate: allow add-check: ${why}\nalter table users drop age, add check (id > 1)`,
  ])('lets the statement after it pass: %j', async sql => {
    expect(await unsafeIn(BEFORE, sql)).toEqual([])
  })

  it.each([
    ['for another statement', `-- migrate: allow truncate: ${why}\nselect 1; truncate users`],
    ['after it', `truncate users;\n-- migrate: allow truncate: ${why}`],
    ['for another rule', `-- migrate: allow drop-table: ${why}\ntruncate users`],
    ['in a string', `select '\n-- migrate: allow truncate: ${why}\n'; truncate users`],
    ['in a quoted name', `select 1 as "\n-- migrate: allow truncate: ${why}\n"; truncate users`],
    ['in a block comment', `/*\n-- migrate: allow truncate: ${why}\n*/ truncate users`],
    ['in dollar quotes', `select $a$\n-- migrate: allow truncate: ${why}\n$a$; truncate users`],
  ])('does not count %s', async (_where, sql) => {
    expect(await rulesOf(BEFORE, sql)).toContain('truncate')
  })

  it('is refused where the statement does not need it', async () => {
    const [problem, ...others] = await unsafeIn(
      BEFORE,
      `select 1;\n-- migrate: allow truncate: ${why}\nselect 1`,
    )
    expect(others).toEqual([])
    expect(problem).toMatchObject({
      place: expect.stringMatching(/:2$/),
      what: 'The statement after `allow truncate` does not break this rule.',
    })
  })

  it('is refused where there is no such rule', async () => {
    const [problem] = await unsafeIn(BEFORE, `-- migrate: allow everything: ${why}\nselect 1`)
    expect(problem?.what).toBe('`allow everything`: there is no such rule.')
    expect(problem?.remedy).toContain('drop-column')
  })

  it('is refused for what PostgreSQL refuses', async () => {
    const found = await unsafeIn(
      BEFORE,
      `-- migrate: allow concurrently-in-transaction: ${why}\ndrop index concurrently i`,
    )
    expect(found.map(({ place }) => place.split(':')[1])).toEqual(['2', '1'])
    expect(found.map(problem => format(problem)).join()).not.toContain('If it is safe')
  })

  it.each(['allow truncate', 'allow truncate:', 'allow truncate:   ', 'allow: x', 'alow truncate: x'])(
    'is refused without a rule and a reason: %s',
    async text => {
      await expect(unsafeIn(BEFORE, `-- migrate: ${text}\ntruncate users`)).rejects.toThrow('is unknown')
    },
  )
})

describe('however a statement is spelled', () => {
  beforeAll(loadModule)

  const separators = [' ', '\n', '\t\r\n ', '/* ; drop table x */', ' -- it\'s "; \n', '/* -- \n /* */ */\n']
  const spelling = fc.record({
    separators: fc.array(fc.constantFrom(...separators), { minLength: 1, maxLength: 12 }),
    cases: fc.array(fc.constantFrom('upper', 'lower', 'mixed'), { minLength: 1, maxLength: 7 }),
    before: fc.constantFrom('', 'select 1; ', `select ';';--> statement-breakpoint\n`, '\n\n/* $$ */', ';;'),
    after: fc.constantFrom('', ';', ' ;\n-- end', `;--> statement-breakpoint\nselect $x$;$x$`),
  })

  it.each([
    ['unsafe', CASES.map(([, sql]) => sql)],
    ['safe', SAFE],
  ])('the same rules are broken: %s ones', async (_what, all) => {
    const cases = all.filter(sql => !sql.includes(MARKER) && sql.trim() !== '')
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...cases), spelling, async (sql, { before, after, ...how }) => {
        const expected = await rulesOf(BEFORE, sql)
        expect(await rulesOf(BEFORE, before + respell(sql, how) + after)).toEqual(expected)
      }),
      { numRuns: 100 },
    )
  })
})

/** The same tokens, with other white space and comments between them, and keywords and plain names in another case. */
function respell(sql: string, { separators, cases }: { separators: string[]; cases: string[] }): string {
  const bytes = Buffer.from(sql)
  const parts: string[] = []
  let last = 0
  for (const [index, { start, end, tokenName }] of scanSync(sql).tokens.entries()) {
    const text = bytes.subarray(start, end).toString()
    // Where nothing stands between two tokens, such as `::`, nothing need.
    if (start > last) parts.push(separators[index % separators.length] ?? ' ')
    parts.push(
      /^\w+$/.test(text) && tokenName !== 'SCONST' ? inCase(text, cases[index % cases.length]) : text,
    )
    if (tokenName === 'SQL_COMMENT') parts.push('\n')
    last = end
  }
  return parts.join('')
}

function inCase(text: string, how = 'lower'): string {
  if (how === 'mixed') return text.replaceAll(/\w/g, (letter, at) => (at % 2 ? letter.toUpperCase() : letter))
  return how === 'upper' ? text.toUpperCase() : text
}

describe('every rule', () => {
  it.each(Object.entries(RULES))('%s says why, and what to do instead', (_name, { why, instead }) => {
    expect(why).toMatch(/\.$/)
    expect(instead).toMatch(/[.)]$/)
  })
})
