/** What rules the actions of an ALTER TABLE break. */
import type { AlterTableCmd, AlterTableStmt, AlterTableType, ColumnDef, Constraint, Node } from 'libpg-query'
import type { RuleName } from './rules.ts'
import { as, find, lastName } from './sql.ts'
import type { Tables } from './tables.ts'

type Judge = (action: AlterTableCmd, statement: AlterTableStmt, tables: Tables) => RuleName[]

/** They take their lock for a moment, read no row, and the version before does not notice. */
const HARMLESS = [
  'AT_DropNotNull',
  'AT_SetStatistics',
  'AT_SetOptions',
  'AT_ResetOptions',
  'AT_SetStorage',
  'AT_SetCompression',
  'AT_ClusterOn',
  'AT_DropCluster',
  'AT_EnableTrig',
  'AT_EnableAlwaysTrig',
  'AT_EnableTrigAll',
  'AT_EnableTrigUser',
  'AT_ReplicaIdentity',
  'AT_DisableRowSecurity',
  'AT_NoForceRowSecurity',
] as const satisfies AlterTableType[]

const always =
  (...rules: RuleName[]): Judge =>
  () =>
    rules

/** By action. What is not here is not known to be safe. */
const JUDGES: Partial<Record<AlterTableType, Judge>> = {
  ...Object.fromEntries(HARMLESS.map(action => [action, always()])),
  AT_AddColumn: ({ def }, { objtype }, tables) => {
    const column = as(def, 'ColumnDef')
    if (!column || objtype === 'OBJECT_TYPE') return ['unknown-statement']
    const isDomain = tables.isDomain(lastName(column.typeName?.names))
    return isDomain ? [...judgeColumn(column), 'add-column-domain'] : judgeColumn(column)
  },
  AT_DropColumn: always('drop-column'),
  AT_ColumnDefault: ({ def }) => (def === undefined || isNull(def) ? ['drop-default'] : []),
  AT_DropExpression: always('drop-default'),
  AT_DropIdentity: always('drop-default'),
  AT_AlterColumnType: always('change-column-type'),
  AT_SetNotNull: ({ name = '' }, statement, tables) =>
    isProvenNotNull(name, statement, tables) ? [] : ['set-not-null'],
  AT_AddConstraint: ({ def }, statement, tables) => {
    const constraint = as(def, 'Constraint')
    return constraint ? judgeConstraint(constraint, statement, tables) : []
  },
  AT_ValidateConstraint: (_action, _statement, tables) => (tables.isLocking() ? ['validate-constraint'] : []),
  // Without a check, a foreign key or `not null`, all that was accepted still is.
  AT_DropConstraint: ({ name = '' }, { relation }, tables) =>
    ['CONSTR_CHECK', 'CONSTR_FOREIGN', 'CONSTR_NOTNULL'].includes(tables.constraintType(relation, name) ?? '')
      ? []
      : ['drop-constraint'],
  AT_SetTableSpace: always('rewrite-table'),
  AT_SetAccessMethod: always('rewrite-table'),
  AT_SetLogged: always('rewrite-table'),
  AT_SetUnLogged: always('rewrite-table'),
  AT_SetExpression: always('rewrite-table'),
  AT_ChangeOwner: always('change-access'),
  AT_EnableRowSecurity: always('row-security'),
  AT_ForceRowSecurity: always('row-security'),
  AT_SetRelOptions: judgeOptions,
  AT_ResetRelOptions: judgeOptions,
  AT_DisableTrig: always('disable-trigger'),
  // It then fires for replicated rows alone.
  AT_EnableReplicaTrig: always('disable-trigger'),
  AT_DisableTrigAll: always('disable-trigger'),
  AT_DisableTrigUser: always('disable-trigger'),
  AT_AttachPartition: (_action, { objtype }) => (objtype === 'OBJECT_INDEX' ? [] : ['attach-partition']),
  AT_DetachPartition: ({ def }) => (as(def, 'PartitionCmd')?.concurrent === true ? [] : ['detach-partition']),
  AT_DetachPartitionFinalize: always(),
}

/** With `security_invoker`, a view reads with the rights of its caller, who may have none on its tables. */
function judgeOptions(_action: AlterTableCmd, { objtype }: AlterTableStmt): RuleName[] {
  return objtype === 'OBJECT_VIEW' ? ['change-access'] : []
}

/** Returns the rules that one action breaks on a table that is in use. */
export function judgeAction(action: AlterTableCmd, statement: AlterTableStmt, tables: Tables): RuleName[] {
  const judge = action.subtype && JUDGES[action.subtype]
  return judge ? judge(action, statement, tables) : ['unknown-statement']
}

/** Whether a check proves it. PostgreSQL drops first what one statement drops, wherever that stands in it. */
function isProvenNotNull(column: string, { relation, cmds = [] }: AlterTableStmt, tables: Tables): boolean {
  const actions = cmds.flatMap(node => as(node, 'AlterTableCmd') ?? [])
  const dropped = actions.filter(({ subtype }) => subtype === 'AT_DropConstraint').map(({ name }) => name)
  return tables.isProvenNotNull(relation, column, dropped)
}

/** Functions that give one value for the whole statement: PostgreSQL then stores it once, not in each row. */
const STABLE = new Set([
  'current_setting',
  'date_trunc',
  'jsonb_build_array',
  'jsonb_build_object',
  'lower',
  'make_interval',
  'now',
  'statement_timestamp',
  'timezone',
  'transaction_timestamp',
  'upper',
])

const SERIAL = /^(?:small|big)?serial[248]?$/

function judgeColumn({ typeName, constraints = [] }: ColumnDef): RuleName[] {
  const all = constraints.flatMap(node => as(node, 'Constraint') ?? [])
  const of = (type: Constraint['contype']) => all.find(({ contype }) => contype === type)
  const value = of('CONSTR_DEFAULT')?.raw_expr
  const hasDefault = value !== undefined && !isNull(value)
  const isSerial = SERIAL.test(lastName(typeName?.names))
  const isGenerated = of('CONSTR_GENERATED') !== undefined
  const isIdentity = of('CONSTR_IDENTITY') !== undefined
  const isStored = of('CONSTR_GENERATED')?.generated_kind === 's'
  const isFilled = hasDefault || isSerial || isGenerated || isIdentity
  const rules: RuleName[] = []
  if ((of('CONSTR_NOTNULL') || of('CONSTR_PRIMARY')) && !isFilled) rules.push('add-column-not-null')
  // A virtual column has no value that PostgreSQL could know beforehand.
  if (of('CONSTR_NOTNULL') && isGenerated && !isStored) rules.push('set-not-null')
  if (isSerial || isIdentity || isStored || isVolatile(value)) rules.push('add-column-rewrite')
  if (of('CONSTR_PRIMARY') || of('CONSTR_UNIQUE')) rules.push('add-unique')
  const isEnforced = (type: Constraint['contype']) => enforced(all).some(({ contype }) => contype === type)
  if (isEnforced('CONSTR_CHECK')) rules.push('add-check')
  // PostgreSQL does not look at the rows of a column without a default; with `default null` it does.
  if (isEnforced('CONSTR_FOREIGN') && (isFilled || value)) rules.push('add-foreign-key')
  return rules
}

/** Without those that `not enforced` comes after, which the parser gives as a constraint of its own. */
function enforced(constraints: readonly Constraint[]): Constraint[] {
  return constraints.filter((_constraint, index) => {
    const after = constraints.slice(index + 1)
    const next = after.findIndex(({ contype }) => !contype?.startsWith('CONSTR_ATTR_'))
    const own = next === -1 ? after : after.slice(0, next)
    return !own.some(({ contype }) => contype === 'CONSTR_ATTR_NOT_ENFORCED')
  })
}

function judgeConstraint(
  { contype, skip_validation, is_enforced, indexname, keys }: Constraint,
  statement: AlterTableStmt,
  tables: Tables,
): RuleName[] {
  const isProven = (column: string) => isProvenNotNull(column, statement, tables)
  const isUnchecked = skip_validation === true || is_enforced === false
  switch (contype) {
    case 'CONSTR_CHECK':
      return isUnchecked ? [] : ['add-check']
    case 'CONSTR_FOREIGN':
      return isUnchecked ? [] : ['add-foreign-key']
    case 'CONSTR_NOTNULL':
      return isUnchecked || isProven(lastName(keys)) ? [] : ['set-not-null']
    case 'CONSTR_UNIQUE':
      return indexname === undefined ? ['add-unique'] : []
    case 'CONSTR_PRIMARY':
      if (indexname === undefined) return ['add-unique']
      return tables.indexColumns(indexname)?.every(isProven) ? [] : ['set-not-null']
    case 'CONSTR_EXCLUSION':
      return ['add-unique']
    default:
      return ['unknown-statement']
  }
}

function isVolatile(value: Node | undefined): boolean {
  return find(value, 'FuncCall').some(({ funcname }) => !STABLE.has(lastName(funcname)))
}

/** `null`, also with a type. */
function isNull(value: Node): boolean {
  const cast = as(value, 'TypeCast')
  if (cast?.arg) return isNull(cast.arg)
  return as(value, 'A_Const')?.isnull === true
}
