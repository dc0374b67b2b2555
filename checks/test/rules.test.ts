/** P30: each rule for migrations finds what it is about, however it is spelled, and leaves alone what is safe. */
import fc from 'fast-check'
import { loadModule, scanSync } from 'libpg-query'
import { beforeAll, describe, expect, it } from 'vitest'
import { rulesOf, unsafeIn } from '../../test/helpers/unsafe-migrations.ts'
import { BEFORE, MARKER, SAFE, UNSAFE } from '../../test/helpers/unsafe-statements.ts'
import { format } from '../migrations/problem.ts'
import { RULES } from '../migrations/rules.ts'

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

  it.for([
    `-- migrate: allow transaction-control: ${why}\ncommit`,
    `-- migrate: no-transaction\n-- migrate: allow change-settings: ${why}\nset role app`,
    `-- migrate: no-transaction\n-- migrate: allow change-settings: ${why}\nset search_path = app`,
  ])('is refused for what the migrator does not begin with: %j', async sql => {
    const found = await unsafeIn(BEFORE, sql)
    expect(found.map(({ what }) => what)).toEqual([expect.stringContaining('was not begun')])
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
