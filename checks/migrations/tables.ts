/** What the migrations so far have made: the tables of the running one, and the constraints and functions of all. */
import type { Constraint, Node, RangeVar } from 'libpg-query'
import { as, find } from './sql.ts'

type Known = {
  type: Constraint['contype']
  isValid: boolean
  /** The columns that it lets be no null. */
  notNull: string[]
}

export type Tables = ReturnType<typeof createTables>

/** Returns the record, empty. */
export function createTables() {
  let created = new Set<string>()
  const locked = new Set<string>()
  const constraints = new Map<string, Map<string, Known>>()
  const functions = new Set<string>()

  /** An unqualified name means the temporary table where there is one, as it does to PostgreSQL. */
  function keyOf({ schemaname, relname = '' }: RangeVar = {}): string {
    const temporary = `pg_temp.${relname}`
    if (schemaname === undefined && created.has(temporary)) return temporary
    return `${schemaname ?? 'public'}.${relname}`
  }

  function constraintsOf(table: RangeVar | undefined): Map<string, Known> {
    const key = keyOf(table)
    const known = constraints.get(key) ?? new Map<string, Known>()
    constraints.set(key, known)
    return known
  }

  return {
    /** Begins with another migration: what was created before is in use by now. */
    beginMigration(): void {
      created = new Set()
      locked.clear()
    },
    /** Whether the table was created by this migration: nothing else uses it yet. */
    isNew: (table: RangeVar | undefined): boolean => created.has(keyOf(table)),
    create(table: RangeVar | undefined, isTemporary = table?.relpersistence === 't'): void {
      created.add(isTemporary ? `pg_temp.${table?.relname}` : keyOf(table))
    },
    rename(table: RangeVar | undefined, newName: string): void {
      if (!created.delete(keyOf(table))) return
      created.add(keyOf({ ...table, relname: newName }))
    },
    drop(table: RangeVar): void {
      created.delete(keyOf(table))
      constraints.delete(keyOf(table))
    },
    /** Notes that the transaction holds a lock on the table that shuts out everything. */
    lock: (table: RangeVar | undefined): void => void locked.add(keyOf(table)),
    /** Notes that the transaction has ended. */
    release: (): void => locked.clear(),
    isLocked: (table: RangeVar | undefined): boolean => locked.has(keyOf(table)),

    addFunction: (name: string): void => void functions.add(name),
    /** Whether a migration has created a function of that name: what it does, its statement does not show. */
    isFunction: (name: string): boolean => functions.has(name),

    addConstraint(table: RangeVar | undefined, constraint: Constraint): void {
      const { contype: type, conname, skip_validation: isUnchecked, is_enforced: isEnforced } = constraint
      if (conname === undefined) return
      const isValid = isUnchecked !== true && isEnforced !== false
      constraintsOf(table).set(conname, { type, isValid, notNull: notNullColumns(constraint.raw_expr) })
    },
    validate(table: RangeVar | undefined, name: string): void {
      const known = constraintsOf(table).get(name)
      if (known) known.isValid = true
    },
    dropConstraint(table: RangeVar | undefined, name: string): void {
      constraintsOf(table).delete(name)
    },
    constraintType: (table: RangeVar | undefined, name: string) => constraintsOf(table).get(name)?.type,
    /** Whether a valid check says that the column has no null: PostgreSQL then need not look. */
    isProvenNotNull(table: RangeVar | undefined, column: string): boolean {
      return [...constraintsOf(table).values()].some(
        ({ type, isValid, notNull }) => type === 'CONSTR_CHECK' && isValid && notNull.includes(column),
      )
    },
  }
}

/** `a is not null and b is not null` proves both; under `or` or `not` nothing is proven. */
function notNullColumns(expression: Node | undefined): string[] {
  const both = as(expression, 'BoolExpr')
  if (both?.boolop === 'AND_EXPR') return (both.args ?? []).flatMap(notNullColumns)
  const test = as(expression, 'NullTest')
  if (test?.nulltesttype !== 'IS_NOT_NULL') return []
  const column = as(test.arg, 'ColumnRef')
  return column ? find(column.fields?.at(-1), 'String').map(({ sval = '' }) => sval) : []
}
