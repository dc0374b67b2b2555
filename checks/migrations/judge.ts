/** What rules a statement breaks: by its kind, and by what it does to tables that are in use. */
import type { ColumnDef, DropStmt, IndexStmt, Node, ObjectType, RangeVar, RenameStmt } from 'libpg-query'
import { judgeAction } from './alter-table.ts'
import type { RuleName } from './rules.ts'
import { as, find, lastName, type Statement } from './sql.ts'
import type { Tables } from './tables.ts'
import { unboundedWrites } from './writes.ts'

type Context = {
  tables: Tables
  /** Whether the statement is on its own: not in a transaction, and not sent together with others. */
  isAutonomous: boolean
}

type Kind = Node extends infer N ? (N extends unknown ? keyof N : never) : never
type Body<K extends Kind> = Extract<Node, Record<K, unknown>>[K]
type Judges = { [K in Kind]?: (body: Body<K>, context: Context) => RuleName[] }

/** They make something that nothing uses yet, or take a lock that shuts nothing out. */
const HARMLESS = [
  'AlterObjectDependsStmt',
  'CommentStmt',
  'CompositeTypeStmt',
  'ConstraintsSetStmt',
  'CreateEnumStmt',
  'CreateExtensionStmt',
  'CreateRangeStmt',
  'CreateSeqStmt',
  'CreateStatsStmt',
  'DefineStmt',
  'ViewStmt',
] as const satisfies Kind[]

const TABLES: ObjectType[] = [
  'OBJECT_TABLE',
  'OBJECT_VIEW',
  'OBJECT_MATVIEW',
  'OBJECT_FOREIGN_TABLE',
  'OBJECT_SCHEMA',
]

const always = (rule: RuleName) => (): RuleName[] => [rule]

/** By kind of statement. What is not here is not known to be safe. */
const JUDGES: Judges = {
  ...Object.fromEntries(HARMLESS.map(kind => [kind, () => []])),
  AlterTableStmt: judgeAlterTable,
  IndexStmt: judgeIndex,
  DropStmt: judgeDrop,
  RenameStmt: judgeRename,
  CreateStmt: judgeCreateTable,
  CreateTableAsStmt({ into, query, if_not_exists: mayExist }, { tables }) {
    if (!mayExist) tables.create(into?.rel)
    return judgeCalls({ query }, tables)
  },
  CreateDomainStmt({ domainname }, { tables }) {
    tables.addDomain(lastName(domainname))
    return []
  },
  // One that restricts narrows what the others allow.
  CreatePolicyStmt: ({ permissive, table }, { tables }) =>
    permissive || tables.isNew(table) ? [] : ['row-security'],
  CreateTrigStmt({ relation }, { tables }) {
    tables.lock(relation)
    return []
  },
  CreateSchemaStmt: ({ schemaElts }) => (schemaElts === undefined ? [] : ['unknown-statement']),
  CreateFunctionStmt({ funcname }, { tables }) {
    tables.addFunction(lastName(funcname))
    return []
  },
  // What these write is judged in every statement, since a query may have them within it.
  SelectStmt(select, { tables }) {
    if (select.intoClause) tables.create(select.intoClause.rel)
    return judgeCalls(select, tables)
  },
  InsertStmt: (statement, { tables }) => judgeCalls(statement, tables),
  UpdateStmt: (statement, { tables }) => judgeCalls(statement, tables),
  DeleteStmt: (statement, { tables }) => judgeCalls(statement, tables),
  MergeStmt: (statement, { tables }) => judgeCalls(statement, tables),
  AlterEnumStmt: ({ oldVal }) => (oldVal === undefined ? [] : ['rename-object']),
  AlterObjectSchemaStmt: always('rename-object'),
  AlterTableMoveAllStmt: always('rewrite-table'),
  AlterDomainStmt: ({ subtype, def }) => {
    // The parser gives PostgreSQL's letters for it: C adds a constraint, O sets not null.
    if (subtype === 'C') return as(def, 'Constraint')?.skip_validation ? [] : ['add-check']
    return subtype === 'O' ? ['set-not-null'] : ['unknown-statement']
  },
  AlterOwnerStmt: always('change-access'),
  GrantStmt: ({ is_grant: isGrant }) => (isGrant ? [] : ['change-access']),
  GrantRoleStmt: ({ is_grant: isGrant }) => (isGrant ? [] : ['change-access']),
  DropOwnedStmt: always('drop-table'),
  ReindexStmt: ({ params }, { isAutonomous }) => concurrently(isConcurrent(params), isAutonomous, 'reindex'),
  VacuumStmt: ({ options, is_vacuumcmd: isVacuum }, { isAutonomous }) => {
    if (hasOption(options, 'full')) return ['rewrite-table']
    return isVacuum && !isAutonomous ? ['concurrently-in-transaction'] : []
  },
  ClusterStmt: always('rewrite-table'),
  RefreshMatViewStmt: ({ relation, concurrent }, { tables }) =>
    concurrent || tables.isNew(relation) ? [] : ['refresh-view'],
  LockStmt: ({ relations }, { tables }) => (allNew(relations, tables) ? [] : ['lock-table']),
  // With `cascade` it also empties the tables that refer to these.
  TruncateStmt: ({ relations, behavior }, { tables }) =>
    behavior !== 'DROP_CASCADE' && allNew(relations, tables) ? [] : ['truncate'],
  VariableSetStmt: always('change-settings'),
  AlterRoleSetStmt: always('change-settings'),
  AlterDatabaseSetStmt: always('change-settings'),
  AlterSystemStmt: always('change-settings'),
  DiscardStmt: always('change-settings'),
  TransactionStmt: always('transaction-control'),
  DoStmt: always('hidden-code'),
  CallStmt: always('hidden-code'),
}

/** Returns the rules that a statement breaks, each once, and notes in `context.tables` what it makes. */
export function judge({ node }: Pick<Statement, 'node'>, context: Context): RuleName[] {
  const [[kind, body] = ['', undefined]] = Object.entries(node)
  const judgeKind = JUDGES[kind as Kind] as ((body: unknown, context: Context) => RuleName[]) | undefined
  const writes = unboundedWrites(node, context.tables)
  const rules = judgeKind ? judgeKind(body, context) : (['unknown-statement'] as const)
  return [...new Set([...rules, ...writes])]
}

/** What the functions do that a query calls. */
function judgeCalls(query: object, tables: Tables): RuleName[] {
  const called = find(query, 'FuncCall').map(({ funcname }) => lastName(funcname))
  const rules: RuleName[] = called.includes('set_config') ? ['change-settings'] : []
  return called.some(tables.isFunction) ? [...rules, 'hidden-code'] : rules
}

function judgeCreateTable(
  { relation, tableElts, inhRelations, partbound, if_not_exists: mayExist }: Body<'CreateStmt'>,
  { tables }: Context,
): RuleName[] {
  const isPartition = partbound !== undefined && !allNew(inhRelations, tables)
  if (!mayExist) {
    tables.create(relation)
    for (const column of find(tableElts, 'ColumnDef')) noteColumn(relation, column, tables)
    for (const constraint of find(tableElts, 'Constraint')) {
      tables.addConstraint(relation, constraint)
      if (constraint.pktable) tables.lock(constraint.pktable)
    }
  }
  return isPartition ? ['attach-partition'] : []
}

/** Notes a column that is declared to have no null. */
function noteColumn(
  table: RangeVar | undefined,
  { colname = '', constraints }: ColumnDef,
  tables: Tables,
): void {
  const isNotNull = find(constraints, 'Constraint').some(({ contype = 'CONSTR_NULL' }) =>
    ['CONSTR_NOTNULL', 'CONSTR_PRIMARY', 'CONSTR_IDENTITY'].includes(contype),
  )
  if (isNotNull) tables.setNotNull(table, colname, true)
}

function judgeAlterTable(statement: Body<'AlterTableStmt'>, { tables, isAutonomous }: Context): RuleName[] {
  const actions = (statement.cmds ?? []).flatMap(node => as(node, 'AlterTableCmd') ?? [])
  const { relation } = statement
  if (actions.some(({ subtype }) => subtype !== 'AT_ValidateConstraint')) tables.lock(relation)
  const isNew = tables.isNew(relation)
  return actions.flatMap(action => {
    const rules = isNew ? [] : judgeAction(action, statement, tables)
    const constraint = as(action.def, 'Constraint')
    if (action.subtype === 'AT_AddConstraint' && constraint) tables.addConstraint(relation, constraint)
    if (constraint?.pktable) tables.lock(constraint.pktable)
    if (action.subtype === 'AT_DropConstraint') tables.dropConstraint(relation, action.name ?? '')
    const column = as(action.def, 'ColumnDef')
    if (action.subtype === 'AT_AddColumn' && column) noteColumn(relation, column, tables)
    if (action.subtype === 'AT_SetNotNull') tables.setNotNull(relation, action.name ?? '', true)
    if (action.subtype === 'AT_DropNotNull') tables.setNotNull(relation, action.name ?? '', false)
    if (action.subtype === 'AT_ValidateConstraint') tables.validate(relation, action.name ?? '')
    const isDetached = as(action.def, 'PartitionCmd')?.concurrent === true
    return isDetached && !isAutonomous ? [...rules, 'concurrently-in-transaction'] : rules
  })
}

function judgeIndex(
  { idxname, indexParams, relation, concurrent = false }: IndexStmt,
  { tables, isAutonomous }: Context,
): RuleName[] {
  if (idxname !== undefined) {
    tables.addIndex(
      idxname,
      find(indexParams, 'IndexElem').map(({ name = '' }) => name),
    )
  }
  if (!concurrent && tables.isNew(relation)) return []
  return concurrently(concurrent, isAutonomous, 'create-index')
}

function concurrently(isConcurrent: boolean, isAutonomous: boolean, otherwise: RuleName): RuleName[] {
  if (!isConcurrent) return [otherwise]
  return isAutonomous ? [] : ['concurrently-in-transaction']
}

function judgeDrop({ objects = [], removeType, concurrent = false }: DropStmt, context: Context): RuleName[] {
  const { tables, isAutonomous } = context
  if (removeType === 'OBJECT_INDEX') return concurrently(concurrent, isAutonomous, 'drop-index')
  if (removeType === undefined || !TABLES.includes(removeType)) return ['drop-object']
  const named = removeType === 'OBJECT_SCHEMA' ? [] : objects.map(relationOf)
  if (named.length > 0 && named.every(tables.isNew)) {
    for (const relation of named) tables.drop(relation)
    return []
  }
  return ['drop-table']
}

/** A table of a DROP: its name in parts, the last of which is its own. */
function relationOf(object: Node): RangeVar {
  const parts = find(object, 'String').map(({ sval = '' }) => sval)
  const [relname = '', schemaname] = parts.reverse()
  return schemaname === undefined ? { relname } : { relname, schemaname }
}

function judgeRename({ relation, renameType, newname = '' }: RenameStmt, { tables }: Context): RuleName[] {
  const isTable = renameType !== undefined && TABLES.includes(renameType) && renameType !== 'OBJECT_SCHEMA'
  if (relation && tables.isNew(relation)) {
    if (isTable) tables.rename(relation, newname)
    return []
  }
  if (renameType === 'OBJECT_COLUMN' || renameType === 'OBJECT_ATTRIBUTE') return ['rename-column']
  return isTable ? ['rename-table'] : ['rename-object']
}

function allNew(relations: readonly Node[] | undefined, tables: Tables): boolean {
  return find(relations, 'RangeVar').every(tables.isNew)
}

/** `full` and `full true` are the same, `full false` is not. */
function hasOption(options: readonly Node[] | undefined, name: string): boolean {
  return find(options, 'DefElem').some(({ defname, arg }) => defname === name && !isOff(arg))
}

const isConcurrent = (options: readonly Node[] | undefined) => hasOption(options, 'concurrently')

function isOff(value: Node | undefined): boolean {
  if (value === undefined) return false
  const text =
    as(value, 'String')?.sval ?? String(as(value, 'Integer')?.ival ?? as(value, 'Boolean')?.boolval)
  return ['false', 'off', '0', 'no', 'undefined'].includes(text)
}
