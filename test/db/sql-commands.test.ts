/** Commands of SQL texts: what only looks like one is passed over. */
import { describe, expect, it } from 'vitest'
import { commandsIn } from '../../src/db/sql-commands.ts'

const firstWords = (sql: string) => commandsIn(sql).map(({ words }) => words[0])

describe('the commands of an SQL text', () => {
  it.for([
    ['select 1; commit', ['select', 'commit']],
    ['select 1;;\n ; Begin;', ['select', 'begin']],
    ['-- commit;\n/* commit; /* nested; */ commit; */ select 1', ['select']],
    ["select 'a; commit', '''; commit', \"x; commit\"", ['select']],
    ["select E'\\'; commit; \\\\'; commit", ['select', 'commit']],
    ['do $$ begin; commit; end $$; end', ['do', 'end']],
    ['do $a$ $$ ; commit $b$; $a$', ['do']],
    ['select $1$2; commit', ['select', 'commit']],
    ['create rule r as on insert to t do (insert into a; insert into b); commit', ['create', 'commit']],
    [
      'create function f() returns int language sql begin atomic select case when true then 1 end; select 2; end; commit',
      ['create', 'commit'],
    ],
    ['create function f() returns int return 1; begin', ['create', 'begin']],
    ['select a$b$c; commit; select d$b$', ['select', 'commit', 'select']],
    ["select E'\\'; commit'; end", ['select', 'end']],
    ['do $A$ $a$; commit; $a$ $A$; end', ['do', 'end']],
    ['-- why\rselect 1; -- why\rcommit', ['select', 'commit']],
    ['', []],
    ['/* closed */', []],
  ] as const)('%j', ([sql, expected]) => {
    expect(firstWords(sql)).toEqual(expected)
  })

  it('include a comment without an end, and all that it hides, for PostgreSQL to refuse', () => {
    const sql = 'select 1; /* open /* nested */ ; select 2'
    expect(commandsIn(sql).map(({ offset, end }) => sql.slice(offset, end))).toEqual([
      'select 1;',
      '/* open /* nested */ ; select 2',
    ])
    expect(commandsIn('/* open')).toMatchObject([{ offset: 0, end: 7 }])
  })

  it('are found where they begin', () => {
    expect(commandsIn('-- a\n select 1;\n\n  commit').map(({ offset }) => offset)).toEqual([6, 19])
  })
})
