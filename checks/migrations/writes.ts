/** Finds writes that touch as many rows as there are, wherever in a statement they stand. */
import type { Node, RangeVar, SelectStmt } from 'libpg-query'
import type { RuleName } from './rules.ts'
import { as, find, lastName } from './sql.ts'
import type { Tables } from './tables.ts'

/** More rows than that are no batch: their locks are held for seconds. */
const MAX_BATCH = 10_000

/** Code that is stored, not run. */
const STORED = ['CreateFunctionStmt', 'ViewStmt', 'RuleStmt']

/** Returns the rule where a statement, or a `with` query of one, writes without a limit to a table that is in use. */
export function unboundedWrites(node: Node, tables: Tables): RuleName[] {
  if (STORED.some(kind => kind in node)) return []
  const changes = [...find(node, 'UpdateStmt'), ...find(node, 'DeleteStmt')]
  const isUnbounded =
    changes.some(({ relation, whereClause }) => isInUse(relation, tables) && !isBounded(whereClause)) ||
    find(node, 'MergeStmt').some(({ relation }) => isInUse(relation, tables)) ||
    find(node, 'InsertStmt').some(
      ({ relation, selectStmt }) => isInUse(relation, tables) && !isListed(as(selectStmt, 'SelectStmt')),
    ) ||
    // `for update` locks every row that it finds.
    find(node, 'SelectStmt').some(select => select.lockingClause !== undefined && !isLimited(select))
  return isUnbounded ? ['unbounded-write'] : []
}

function isInUse(relation: RangeVar | undefined, tables: Tables): boolean {
  return !tables.isNew(relation)
}

/** `id in (select … limit 1000)` or `id = any (array(select …))`, alone or with others that must all hold. */
function isBounded(condition: Node | undefined): boolean {
  const all = as(condition, 'BoolExpr')
  if (all?.boolop === 'AND_EXPR') return (all.args ?? []).some(isBounded)
  const comparison = as(condition, 'A_Expr')
  const isAny = comparison?.kind === 'AEXPR_OP_ANY' && lastName(comparison.name) === '='
  const list = as(isAny ? comparison.rexpr : condition, 'SubLink')
  if (list?.subLinkType !== (isAny ? 'ARRAY_SUBLINK' : 'ANY_SUBLINK')) return false
  // `in` has no operator; `<> any (…)` holds for almost every row.
  if (list.operName !== undefined && lastName(list.operName) !== '=') return false
  // A constant is in the list for every row.
  if (as(isAny ? comparison.lexpr : list.testexpr, 'ColumnRef') === undefined) return false
  const select = as(list.subselect, 'SelectStmt')
  return select?.fromClause !== undefined && isLimited(select)
}

function isLimited(select: SelectStmt | undefined): boolean {
  const limit = as(select?.limitCount, 'A_Const')?.ival?.ival
  return limit !== undefined && limit <= MAX_BATCH && select?.limitOption === 'LIMIT_OPTION_COUNT'
}

/** `values`, a query without a table, or one with a limit; no query stands for `default values`. */
function isListed(select: SelectStmt | undefined): boolean {
  if (select === undefined || select.valuesLists !== undefined) return true
  return isLimited(select) || (select.fromClause === undefined && select.op === 'SETOP_NONE')
}
