/** The commands of a migration that are left to run: without those that an earlier run has completed. */
import { createHash } from 'node:crypto'
import { MigrationFailed } from './migration-errors.ts'
import { lineAt, type Migration, type Statement } from './migration-files.ts'
import type { ProgressRow } from './migration-plan.ts'
import { commandsIn, type Command as SqlCommand } from './sql-commands.ts'

/** One command of a migration: a part between breakpoints may have several. */
export type Command = Statement & Pick<SqlCommand, 'words'>

/** A migration, and the commands of it that are left. */
export type Task = {
  migration: Migration
  commands: Command[]
  /** How many commands before these are completed. */
  done: number
  /** The completed commands that changed the session, and have to run again. */
  settings: Command[]
}

/** Returns the task of a migration. Throws MigrationFailed where it cannot begin or continue. */
export function toTask(migration: Migration, progress: readonly ProgressRow[]): Task {
  const commands = migration.statements.flatMap(({ sql, offset: start }) =>
    commandsIn(sql).map(({ offset, end, words }) => ({
      sql: sql.slice(offset, end),
      offset: start + offset,
      words,
    })),
  )
  refuseOtherEncodings(migration)
  refuseTransactionCommands(migration, commands)
  if (!migration.transaction) refuseSessionCommands(migration, commands)
  const done = countCompleted(migration, commands, progress)
  const settings = commands.slice(0, done).filter(({ words: [first = ''] }) => /^(re)?set$/.test(first))
  return { migration, commands: commands.slice(done), done, settings }
}

/** Throws MigrationFailed where the file is not UTF-8: such bytes are read as U+FFFD. A NUL, as in UTF-16, ends a text. */
function refuseOtherEncodings(migration: Migration): void {
  const at = migration.sql.search(/[\uFFFD\0]/)
  if (at === -1) return
  const { file, tag } = migration
  throw new MigrationFailed(
    `${tag} was not begun: ${file}, line ${lineAt(migration, at)} is not UTF-8, or has a NUL character. Save the file as UTF-8.`,
  )
}

/** Throws MigrationFailed where a migration has its own `commit`: a failure after it would leave the first half applied. */
function refuseTransactionCommands(migration: Migration, commands: readonly Command[]): void {
  const command = commands.find(({ words: [first = '', second = '', third = ''] }) => {
    if (first === 'rollback') return second !== 'to' && third !== 'to'
    return /^(begin|start|commit|abort|end)$/.test(first) || (first === 'prepare' && second === 'transaction')
  })
  if (!command) return
  const { file, tag } = migration
  throw new MigrationFailed(
    `${tag} was not begun: ${file}, line ${lineAt(migration, command.offset)} has \`${command.words[0]}\`. Each migration runs in a transaction of its own already; one that is marked \`-- migrate: no-transaction\` runs in none. Remove it.`,
  )
}

/** Throws MigrationFailed where a migration changes a setting that the migrator sets for each statement. */
function refuseSessionCommands(migration: Migration, commands: readonly Command[]): void {
  const command = commands.find(({ words: [first = '', ...others] }) => {
    const [name = ''] = others.filter(word => word !== 'session')
    const isOfMigrator = /^(role|authorization|search_path|schema|lock_timeout|local|all)$/.test(name)
    return first === 'discard' || (/^(re)?set$/.test(first) && isOfMigrator)
  })
  if (!command) return
  const { file, tag } = migration
  throw new MigrationFailed(
    `${tag} was not begun: ${file}, line ${lineAt(migration, command.offset)} has \`${command.words.slice(0, 3).join(' ')}\`. Outside a transaction, each statement runs with the role, the search_path and the lock_timeout of the migrator, and \`set local\` has no effect. Name the schema in the statement; give an object to a role with \`alter … owner to\`.`,
  )
}

/** Returns whether a statement can run in a transaction, together with its record. */
export function runsInTransaction(command: Command): boolean {
  const { words } = command
  const [first = '', second = ''] = words
  if (words.includes('concurrently') || isProcedural(command)) return false
  if (/^(vacuum|cluster|reindex|set|reset)$/.test(first)) return false
  return !(/^(alter|create|drop)$/.test(first) && /^(system|database|tablespace|subscription)$/.test(second))
}

/** Returns whether a statement is code, which may commit in the middle. */
export function isProcedural({ words: [first = ''] }: Command): boolean {
  return first === 'call' || first === 'do'
}

/** Returns how many statements an earlier run has completed. Throws MigrationFailed where one of them was changed since. */
function countCompleted(
  migration: Migration,
  commands: readonly Command[],
  progress: readonly ProgressRow[],
): number {
  const steps = progress.filter(({ createdAt, position }) => createdAt === migration.when && position > 0)
  for (const { position, hash } of steps) {
    const command = commands[position - 1]
    if (command && sha256(command) === hash) continue
    throw new MigrationFailed(
      `${migration.tag} was not continued: an earlier run completed ${count(steps.length)} of it, and statement ${position} of ${migration.file} is not what it was then. Restore it, or undo by hand what it did and run \`delete from drizzle.__migration_progress where created_at = ${migration.when}\`.`,
    )
  }
  const next = commands[steps.length]
  if (
    next &&
    progress.some(({ createdAt, position }) => createdAt === migration.when && position === -steps.length - 1)
  ) {
    throw new MigrationFailed(describeCut(migration, next, steps.length + 1))
  }
  return steps.length
}

/** Returns the message for code whose run ended without a record: it may have committed nothing, a part or all. */
function describeCut(migration: Migration, { offset, words }: Command, position: number): string {
  const { file, tag, when } = migration
  const row = `where created_at = ${when} and position = -${position}`
  return `${tag} was not continued: an earlier run was cut short in the \`${words[0]}\` of ${file}, line ${lineAt(migration, offset)}, which may have committed a part or all of it. Look at what it did. \`delete from drizzle.__migration_progress ${row}\` lets it run again; \`update drizzle.__migration_progress set position = ${position} ${row}\` takes it for completed.`
}

/** Returns `1 statement` or `2 statements`. */
export function count(statements: number): string {
  return `${statements} statement${statements === 1 ? '' : 's'}`
}

/** Returns the hash that identifies a completed statement. */
export function sha256({ sql }: Statement): string {
  return createHash('sha256').update(sql.trim()).digest('hex')
}
