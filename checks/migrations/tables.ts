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
  const domains = new Set<string>()
  const indexes = new Map<string, string[]>()

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
    /** Notes that the transaction holds a lock on the table that shuts out writes, or everything. */
    lock(table: RangeVar | undefined): void {
      if (!created.has(keyOf(table))) locked.add(keyOf(table))
    },
    /** Notes that the transaction has ended. */
    release: (): void => locked.clear(),
    /** Whether the transaction holds such a lock: on any table, since it is held for as long as the next one is read. */
    isLocking: (): boolean => locked.size > 0,

    addFunction: (name: string): void => void functions.add(name),
    /** Whether a migration has created a function of that name: what it does, its statement does not show. */
    isFunction: (name: string): boolean => functions.has(name),

    addDomain: (name: string): void => void domains.add(name),
    /** Whether a migration has created a domain of that name: it may have constraints, which every row must meet. */
    isDomain: (name: string): boolean => domains.has(name),

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
      const known = constraintsOf(table)
      if (known.delete(name)) return
      // It may be the one that PostgreSQL has named for a `not null`.
      for (const [key, { type }] of known) if (type === 'CONSTR_NOTNULL') known.delete(key)
    },
    /** Notes whether the column was declared `not null`. */
    setNotNull(table: RangeVar | undefined, column: string, isNotNull: boolean): void {
      const key = `${column} not null`
      if (!isNotNull) constraintsOf(table).delete(key)
      else constraintsOf(table).set(key, { type: 'CONSTR_NOTNULL', isValid: true, notNull: [column] })
    },
    addIndex: (name: string, columns: string[]): void => void indexes.set(name, columns),
    /** Columns of an index that a migration has created, undefined where none has. */
    indexColumns: (name: string): string[] | undefined => indexes.get(name),
    constraintType: (table: RangeVar | undefined, name: string) => constraintsOf(table).get(name)?.type,
    /** Whether a declaration or a valid check, save those dropped, says that the column has no null: PostgreSQL then need not look. */
    isProvenNotNull(
      table: RangeVar | undefined,
      column: string,
      dropped: readonly (string | undefined)[] = [],
    ): boolean {
      return [...constraintsOf(table)].some(
        ([name, { type, isValid, notNull }]) =>
          (type === 'CONSTR_CHECK' || type === 'CONSTR_NOTNULL') &&
          isValid &&
          notNull.includes(column) &&
          !dropped.includes(name),
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
