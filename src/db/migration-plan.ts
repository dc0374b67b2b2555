/** Compares the migrations of this version with those of a database: which to apply, and which differences to refuse. */
import { UserFacingError } from '../lib/user-facing-error.ts'
import { hasHash, type Migration } from './migration-files.ts'

/** A row of drizzle's table. */
export type AppliedRow = {
  id: number
  hash: string
  /** The journal's time, in milliseconds; null only where a person wrote the row. */
  createdAt: number | null
  /** Null where drizzle-orm wrote the row. */
  name: string | null
  appliedAt: Date | null
}

/**
 * A step of an incomplete migration outside a transaction: its begin (position 0), a completed statement (from 1), or the
 * begin of the `do` or `call` at a position (negative).
 */
export type ProgressRow = { createdAt: number; position: number; hash: string; name: string }

export type State = 'applied' | 'pending' | 'out of order' | 'edited' | 'renamed'

export type PlanEntry = { migration: Migration; state: State; row?: AppliedRow }

export type Plan = {
  /** Every migration of this version, in the order of the journal. */
  entries: PlanEntry[]
  /** Rows without a file, in the order in which they were applied. */
  unknown: AppliedRow[]
  /** Whether all of `unknown` are later than every migration of this version. */
  isNewer: boolean
  /** Rows that repeat another one. */
  duplicates: AppliedRow[]
  /** Steps of migrations that were begun and did not complete. */
  progress: ProgressRow[]
}

export type Allowances = { allowOutOfOrder?: boolean; allowNewer?: boolean }

/** The migrations on disk and in the database have different histories. The message names each difference. */
export class MigrationsDiffer extends UserFacingError {
  override readonly name = 'MigrationsDiffer'
}

/**
 * Returns the state of each migration, by hashes and times, in the order of the journal. drizzle-orm compares the newest
 * time alone, and skips a migration that was merged late.
 */
export function compareMigrations(
  migrations: readonly Migration[],
  applied: readonly AppliedRow[],
  progress: ProgressRow[] = [],
): Plan {
  const left = new Set(applied)
  const duplicates: AppliedRow[] = []
  const found = new Map<Migration, PlanEntry>()
  const claim = (state: State, matches: (migration: Migration, row: AppliedRow) => boolean) => {
    for (const migration of migrations) {
      if (found.has(migration)) continue
      const rows = [...left].filter(row => matches(migration, row))
      const [row, ...more] = state === 'applied' ? rows : rows.slice(0, 1)
      if (!row) continue
      found.set(migration, { migration, state, row })
      duplicates.push(...more)
      for (const claimed of [row, ...more]) left.delete(claimed)
    }
  }
  claim(
    'applied',
    (migration, { createdAt, hash }) => createdAt === migration.when && hasHash(migration, hash),
  )
  claim('edited', ({ when }, { createdAt }) => createdAt === when)
  claim('renamed', (migration, { hash }) => hasHash(migration, hash))
  claim('edited', ({ tag }, { name }) => name === tag)

  const unknown = [...left]
  const newest = Math.max(...migrations.map(({ when }) => when))
  const isNewer = unknown.length > 0 && unknown.every(({ createdAt }) => (createdAt ?? 0) > newest)
  const last =
    unknown.length > 0 && isNewer ? migrations.length : migrations.findLastIndex(one => found.has(one))
  const entries = migrations.map((migration, index): PlanEntry => {
    return found.get(migration) ?? { migration, state: index < last ? 'out of order' : 'pending' }
  })
  return { entries, unknown, isNewer, duplicates, progress }
}

/** Adds advice for the database of development to a MigrationsDiffer. Returns other errors as they are. */
export function adviseDevelopment(error: unknown, folder: string): unknown {
  if (!(error instanceof MigrationsDiffer)) return error
  return new MigrationsDiffer(
    `${error.message} In development you can also start with an empty database: stop the service and delete the folder ${folder}.`,
    { cause: error },
  )
}

/** Returns the migrations of this version that the database lacks. Those of other versions do not matter. */
export function missingMigrations({ entries }: Plan): PlanEntry[] {
  return entries.filter(({ state }) => state !== 'applied' && state !== 'renamed')
}

/** Returns the migrations to apply, in order. Throws MigrationsDiffer where something else has to be done first. */
export function migrationsToApply(plan: Plan, allowances: Allowances = {}): Migration[] {
  const differences = differencesOf(plan, allowances)
  if (differences.length === 0) {
    return plan.entries.filter(({ state }) => state !== 'applied').map(({ migration }) => migration)
  }
  const list = differences.length === 1 ? ` ${differences[0]}` : `\n  - ${differences.join('\n  - ')}\n`
  throw new MigrationsDiffer(
    `The database cannot be migrated:${list}${list.endsWith('\n') ? '' : ' '}Nothing was applied.`,
  )
}

/** Returns why the database cannot be migrated, a sentence or two for each migration. */
export function differencesOf(plan: Plan, { allowOutOfOrder, allowNewer }: Allowances = {}): string[] {
  const { entries, unknown, isNewer, duplicates, progress } = plan
  const known = new Set(entries.map(({ migration }) => migration.when))
  const lost = progress.filter(({ createdAt, position }) => position === 0 && !known.has(createdAt))
  return [
    ...entries.flatMap(entry => differenceOf(entry, allowOutOfOrder) ?? []),
    ...(isNewer && allowNewer ? [] : unknown.map(row => describeUnknown(row, isNewer))),
    ...duplicates.map(
      row =>
        `${nameOf(row)} is recorded twice. Once you know that it was applied once: \`delete from drizzle.__drizzle_migrations where id = ${row.id}\`.`,
    ),
    ...lost.map(
      ({ name, createdAt }) =>
        `${name} was begun outside a transaction and did not complete, and its file is gone. Restore it; or undo what it did, then \`delete from drizzle.__migration_progress where created_at = ${createdAt}\`.`,
    ),
  ]
}

function differenceOf({ migration, state, row }: PlanEntry, allowOutOfOrder = false): string | undefined {
  const { tag, file, hash } = migration
  if (state === 'edited' && row) {
    const as = row.name === null || row.name === tag ? '' : ` (as ${row.name})`
    return `${tag} was edited after it was applied${as}: ${file} has SHA-256 ${short(hash)}, the database has ${short(row.hash)}. Restore the file, and put the change into a new migration.`
  }
  if (state === 'renamed' && row) {
    return `${tag} was renamed after it was applied: the database has the same SQL as ${nameOf(row)}. Restore the file's name and its entry in the journal.`
  }
  if (state === 'out of order' && !allowOutOfOrder) {
    return `${tag} is not applied, but later ones are. Generate it anew so that it comes last, or apply it now with \`npm run db:migrate -- --allow-out-of-order\`.`
  }
}

function describeUnknown(row: AppliedRow, isNewer: boolean): string {
  return isNewer
    ? `${nameOf(row)} was applied and is later than every migration of this version: a newer version of the service has migrated the database. This version can run on it. If that is what you want, there is nothing to migrate (\`--allow-newer\` accepts this); if the file was deleted, restore it.`
    : `${nameOf(row)} was applied, but is not among the migrations of this version. Restore its file and its entry in the journal.`
}

/** Returns a name for a row: its own, or its time and hash. */
export function nameOf({ name, createdAt, hash }: AppliedRow): string {
  const time = createdAt === null ? 'no time' : formatTime(createdAt)
  if (name !== null) return `${name} (${time})`
  // drizzle-kit begins a file's name with the second in which it is generated.
  const prefix = /^\d{4}-/.test(time) ? `${time.replace(/\D/g, '').slice(0, 14)}_…, ` : ''
  return `the migration of ${time} (${prefix}SHA-256 ${short(hash)})`
}

function formatTime(milliseconds: number): string {
  const date = new Date(milliseconds)
  return Number.isNaN(date.getTime()) ? String(milliseconds) : date.toISOString()
}

/** Returns enough of a hash to find it. */
function short(hash: string): string {
  return hash.slice(0, 12)
}
