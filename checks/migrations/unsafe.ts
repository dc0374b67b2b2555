/** Finds statements that lock long or break the version before, and allowances that allow nothing. */
import { loadModule } from 'libpg-query'
import { MigrationFailed } from '../../src/db/migration-errors.ts'
import { lineAt, type Migration } from '../../src/db/migration-files.ts'
import { toTask } from '../../src/db/migration-task.ts'
import { judge } from './judge.ts'
import type { Problem } from './problem.ts'
import { findRule, RULES, type RuleName } from './rules.ts'
import { type Allowance, allowancesOf, type Statement, SyntaxProblem, statementsOf } from './sql.ts'
import { createTables, type Tables } from './tables.ts'

/** Returns what is unsafe in the migrations, which are in their order; each is checked with what the earlier ones made. */
export async function findUnsafe(migrations: readonly Migration[]): Promise<Problem[]> {
  await loadModule()
  const tables = createTables()
  return migrations.flatMap(migration => {
    tables.beginMigration()
    try {
      return judgeMigration(migration, tables)
    } catch (error) {
      if (error instanceof SyntaxProblem) return [error.problem]
      throw error
    }
  })
}

function judgeMigration(migration: Migration, tables: Tables): Problem[] {
  const statements = statementsOf(migration)
  const allowances = allowancesOf(migration)
  const used = new Set<Allowance>()
  const unsafe = statements.flatMap((statement, index) => {
    const isAutonomous = !migration.transaction && statement.isAlone
    if (isAutonomous) tables.release()
    const own = allowancesFor(statement, statements[index - 1], allowances)
    return judge(statement, { tables, isAutonomous }).flatMap(rule => {
      const allowance = own.find(other => other.rule === rule && !findRule(rule)?.isRefused)
      if (allowance) used.add(allowance)
      return allowance ? [] : [problemOf(migration, statement, rule)]
    })
  })
  if (unsafe.length === 0) unsafe.push(...refusalOf(migration))
  const useless = allowances.filter(allowance => !used.has(allowance))
  return [...unsafe, ...useless.map(allowance => uselessAllowance(migration, allowance))]
}

/** What the migrator would say instead of beginning with it: no allowance helps. */
function refusalOf(migration: Migration): Problem[] {
  try {
    toTask(migration, [])
    return []
  } catch (error) {
    if (!(error instanceof MigrationFailed)) throw error
    return [{ place: migration.file, what: error.message, remedy: 'Mend it: an allowance does not help.' }]
  }
}

/** Those between the statement before and the end of this one. */
function allowancesFor(
  { end }: Statement,
  before: Statement | undefined,
  all: readonly Allowance[],
): Allowance[] {
  return all.filter(allowance => allowance.start >= (before?.end ?? 0) && allowance.end <= end)
}

function problemOf(migration: Migration, { start, text }: Statement, rule: RuleName): Problem {
  const { why, instead } = RULES[rule]
  const isAllowable = !findRule(rule)?.isRefused
  return { place: placeOf(migration, start), rule, statement: text, what: why, remedy: instead, isAllowable }
}

function uselessAllowance(migration: Migration, { rule, start }: Allowance): Problem {
  const place = placeOf(migration, start)
  const known = findRule(rule)
  if (!known) {
    const names = Object.keys(RULES).join(', ')
    return { place, what: `\`allow ${rule}\`: there is no such rule.`, remedy: `Name one of: ${names}.` }
  }
  if (known.isRefused) return { place, what: `\`allow ${rule}\`: ${known.why}`, remedy: known.instead }
  return {
    place,
    what: `The statement after \`allow ${rule}\` does not break this rule.`,
    remedy: 'Remove the comment, or put it right before the statement that it is for.',
  }
}

function placeOf(migration: Migration, offset: number): string {
  return `${migration.file}:${lineAt(migration, offset)}`
}
