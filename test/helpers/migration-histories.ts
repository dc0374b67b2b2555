/** Generates histories of a repository's migrations, and the expected outcome of each deployment. */
import fc from 'fast-check'
import type { TestMigration } from './migrations.ts'

export const MARK = '-- migrate: no-transaction\n'
const BREAK = '\n--> statement-breakpoint\n'

/** A change of the folder before a deployment. */
export type Step = {
  /** How many migrations of each branch are merged; the base always is. */
  merged: number[]
  /** The journal sorted by time, as drizzle-kit's order is after a rebase, or the branches one after the other. */
  order: 'time' | number[]
  change: { kind: 'none' | 'edit' | 'break' | 'rename' | 'retag' | 'remove' | 'copy'; at: number }
  allowOutOfOrder: boolean
}

export type History = { base: TestMigration[]; branches: TestMigration[][]; steps: Step[] }

type Shape = 'table' | 'column' | 'index' | 'rows' | 'concurrently'

/** Ends its own connection while the table is there. */
const KILL = `select pg_terminate_backend(pg_backend_pid()), pg_sleep(10)
  where to_regclass('control.kill') is not null;`

/** Puts the killing statement before, between or after those of one migration. */
export function withKill(
  migrations: readonly TestMigration[],
  at: number,
  position: number,
): TestMigration[] {
  const index = at % migrations.length
  return migrations.map((migration, one) => {
    if (one !== index) return migration
    const isMarked = migration.sql.startsWith(MARK)
    const parts = (isMarked ? migration.sql.slice(MARK.length) : migration.sql).split(BREAK)
    const sql = parts.toSpliced(position % (parts.length + 1), 0, KILL).join(BREAK)
    return { ...migration, sql: `${isMarked ? MARK : ''}${sql}` }
  })
}

const shapes = fc.constantFrom<Shape>('table', 'column', 'index', 'rows', 'concurrently')

/** Statements that have the same effect in any order of the branches, and depend on the order within one. */
function sqlOf(shape: Shape, branch: number, position: number): string {
  const own = `own_${branch}_${position}`
  switch (shape) {
    case 'table':
      return `create table ${own} (id int primary key);${BREAK}insert into ${own} values (${position});`
    case 'column':
      return `alter table branch_${branch} add column c_${position} int default ${position};`
    case 'index':
      return `create index i_${branch}_${position} on branch_${branch} (id);\ncreate table ${own} (id int);`
    case 'rows':
      return `insert into base values (${branch * 100 + position});${BREAK}insert into branch_${branch} values (${position});`
    case 'concurrently':
      return `${MARK}create table ${own} (id int);${BREAK}create index concurrently c_${branch}_${position} on branch_${branch} (id);`
  }
}

const branch = (number: number, length: number) =>
  fc
    .tuple(fc.array(shapes, { maxLength: length - 1 }), fc.integer({ min: 1, max: 400 }))
    .map(([kinds, start]) =>
      ['branch', ...kinds].map((kind, position): TestMigration => {
        // Two branches that are generated in the same second differ by less than that.
        const when = 1000 + start * 10 + number + position * 700
        const sql =
          kind === 'branch'
            ? `create table branch_${number} (id int);`
            : sqlOf(kind as Shape, number, position)
        return { tag: `${when}_branch_${number}_${position}`, when, sql }
      }),
    )

/** Histories of two to four branches of up to `length` migrations, deployed two to `steps` times. */
export function histories({ length, steps }: { length: number; steps: number }): fc.Arbitrary<History> {
  return fc.integer({ min: 2, max: 4 }).chain(count => historiesOf(count, length, steps))
}

function historiesOf(count: number, length: number, steps: number): fc.Arbitrary<History> {
  const step = fc.record({
    merged: fc.array(fc.integer({ min: 0, max: length }), { minLength: count, maxLength: count }),
    order: fc.oneof(
      fc.constant('time' as const),
      fc.shuffledSubarray([...Array(count).keys()], { minLength: count }),
    ),
    change: fc.record({
      kind: fc.constantFrom('none', 'none', 'none', 'edit', 'break', 'rename', 'retag', 'remove', 'copy'),
      at: fc.nat(20),
    }),
    allowOutOfOrder: fc.boolean(),
  })
  return fc.record({
    base: fc.constant([{ tag: '1_base', when: 1, sql: 'create table base (id int primary key);' }]),
    branches: fc.tuple(...Array.from({ length: count }, (_, number) => branch(number, length))),
    steps: fc.array(step as fc.Arbitrary<Step>, { minLength: 2, maxLength: steps }),
  })
}

/** Returns the migrations of a step. */
export function folderOf({ base, branches }: History, { merged, order, change }: Step): TestMigration[] {
  const parts = branches.map((one, index) => one.slice(0, merged[index]))
  const sorted =
    order === 'time'
      ? parts.flat().sort((a, b) => a.when - b.when)
      : order.flatMap(index => parts[index] ?? [])
  const all = [...base, ...sorted]
  const index = change.at % all.length
  const changed = all[index]
  if (!changed) return all
  const { tag, when, sql } = changed
  switch (change.kind) {
    case 'none':
      return all
    case 'edit':
      return all.with(index, { tag, when, sql: `${sql}\n-- edited` })
    case 'break':
      return all.with(index, { tag, when, sql: `${sql}${BREAK}select nothing;` })
    case 'rename':
      return all.with(index, { tag: `${tag}_renamed`, when: when + 1_000_000, sql })
    case 'retag':
      return all.with(index, { tag: `${tag}_retagged`, when, sql })
    case 'remove':
      return all.toSpliced(index, 1)
    case 'copy':
      return [...all, { tag: `${tag}_copy`, when: when + 2_000_000, sql: `-- nothing\nselect ${when};` }]
  }
}

const isSame = (a: TestMigration, b: TestMigration) => a.when === b.when && a.sql === b.sql

/** Returns the tags that a run must refuse, by the rules alone; none where it must succeed. */
export function refusedTags(
  applied: readonly TestMigration[],
  folder: readonly TestMigration[],
  allowOutOfOrder: boolean,
): string[] {
  const gone = applied.filter(one => !folder.some(other => isSame(one, other)))
  const last = folder.findLastIndex(one => applied.some(other => isSame(one, other)))
  const late = folder.filter(
    (one, index) =>
      index < last &&
      !applied.some(other => isSame(one, other) || one.when === other.when || one.sql === other.sql),
  )
  return [...gone, ...(allowOutOfOrder ? [] : late)].map(({ tag }) => tag)
}
