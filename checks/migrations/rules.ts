/** The rules for migrations that run while the version before still serves: what each is about, and the safe way. */

type Rule = {
  /** Why the statement is dangerous. */
  why: string
  /** The safe way to the same end. */
  instead: string
  /** PostgreSQL refuses it: no allowance helps. */
  isRefused?: true
}

const EXPAND =
  'Do it in steps: add the new form, roll out a version that writes both and reads the new one, and remove the old form in a later release.'

const rule = (why: string, instead: string): Rule => ({ why, instead })

/** By the name that an allowance gives. The locks are those of PostgreSQL's "Explicit Locking" and "ALTER TABLE" pages. */
export const RULES = {
  'drop-table': rule(
    'The version that still runs reads and writes it: its requests fail from now on, and the data is gone.',
    'Roll out a version that does not use it, and drop it in a later release.',
  ),
  'drop-column': rule(
    'The version that still runs names the column in its statements: they fail from now on, and the data is gone.',
    'Roll out a version whose schema does not have the column, and drop it in a later release.',
  ),
  'drop-default': rule(
    'The version that still runs may leave the column out when it inserts.',
    'Roll out a version that always sets the column, and drop the default in a later release.',
  ),
  'drop-constraint': rule(
    'The version that still runs may depend on it: `on conflict` fails without its unique constraint.',
    'Roll out a version that does not depend on it, and drop it in a later release.',
  ),
  'drop-object': rule(
    'The version that still runs, or a table, may use it.',
    'Roll out a version that does not use it, and drop it in a later release. A function: `create or replace`.',
  ),
  'rename-table': rule('The version that still runs uses the old name.', EXPAND),
  'rename-column': rule('The version that still runs uses the old name.', EXPAND),
  'rename-object': rule(
    'The version that still runs may use the old name: of a constraint, an enum value, a type, a function.',
    EXPAND,
  ),
  'change-column-type': rule(
    'It locks the table against everything, as a rule for as long as it takes to write it anew, and the version that still runs expects the old type.',
    EXPAND,
  ),
  'set-not-null': rule(
    'It locks the table against everything while it reads all of it.',
    'In one migration: `add constraint c check (column is not null) not valid`. In the next: `validate constraint c`, `set not null`, and in a statement of its own `drop constraint c`. A primary key declares its columns `not null`: do this before.',
  ),
  'add-column-not-null': rule(
    'It fails on a table that has rows, and the version that still runs inserts rows without the column.',
    'Give it a constant default, or add it without `not null` and follow `set-not-null` in a later release.',
  ),
  'add-column-rewrite': rule(
    'The default is another for each row (a volatile function, serial, identity, stored), so the table is written anew, locked against everything.',
    'Add the column without it, set the default in a statement of its own, and fill the old rows in batches.',
  ),
  'add-column-domain': rule(
    "A domain's constraints are checked in each row: the table is written anew or read, locked against everything, and a domain that is `not null` fails.",
    "Give the column the domain's base type, and its constraints with `not valid`. Where the domain has no constraints, say so in the allowance.",
  ),
  'create-index': rule(
    'It locks the table against writes for as long as it takes.',
    'Write `create index concurrently`, in a migration that begins with `-- migrate: no-transaction`. (`create table if not exists` makes no table new: it may have been there.)',
  ),
  'drop-index': rule(
    'It waits for every transaction on the table, locked against everything that comes after it.',
    'Write `drop index concurrently`, in a migration that begins with `-- migrate: no-transaction`.',
  ),
  'concurrently-in-transaction': {
    why: 'PostgreSQL refuses it inside a transaction.',
    instead:
      'Put it in a migration that begins with `-- migrate: no-transaction`, where `--> statement-breakpoint` separates it from other statements.',
    isRefused: true,
  },
  'add-foreign-key': rule(
    'It locks both tables against writes while it reads all of this one.',
    'Add it with `not valid`, and in the next migration `alter table … validate constraint …`, which locks nothing out.',
  ),
  'add-check': rule(
    'It locks the table against everything while it reads all of it.',
    'Add it as a constraint with `not valid`, and in the next migration `alter table … validate constraint …`, which locks nothing out.',
  ),
  'validate-constraint': rule(
    'This transaction has locked this or another table before, and holds that lock while it reads all of this one.',
    'Validate in a migration of its own: alone it locks nothing out.',
  ),
  'add-unique': rule(
    'It locks the table against everything while it builds the index.',
    'Make the index with `create unique index concurrently`, and in the next migration `add constraint … unique using index …`. (An exclusion constraint has no such way.)',
  ),
  'attach-partition': rule(
    'It locks the partition against everything while it reads all of it; `create table … partition of` locks the whole table, while it reads the default partition.',
    'Create the table by itself, and attach it. One that has rows: add a check constraint of the same bounds first, `not valid`, then validated in a migration of its own.',
  ),
  'detach-partition': rule(
    'It locks the whole table against everything until all transactions on it have ended.',
    'Write `detach partition … concurrently`, in a migration that begins with `-- migrate: no-transaction`.',
  ),
  'rewrite-table': rule(
    'It writes the table anew, locked against everything.',
    'Make a new table and move the rows in batches, or do it in a maintenance window.',
  ),
  reindex: rule(
    'It locks the table against writes.',
    'Write `reindex … concurrently`, outside of a migration.',
  ),
  'lock-table': rule('It holds the lock until the end of the migration.', 'Leave it out.'),
  truncate: rule(
    'It locks the table against everything, and the data is gone.',
    'Delete in batches, outside of a migration.',
  ),
  'unbounded-write': rule(
    'It writes as many rows as there are, holds their locks until the end, and every other writer of these rows waits.',
    'Write in batches, outside of a migration: `… where id in (select id from … where … limit 1000)`, until no row is left.',
  ),
  'refresh-view': rule(
    'It locks the view against reads while it is filled.',
    'Write `refresh materialized view concurrently`.',
  ),
  'row-security': rule(
    'Without a policy for its role, the version that still runs sees no rows.',
    'Create the policies for every role that the service uses in an earlier migration.',
  ),
  'disable-trigger': rule(
    'The service relies on its triggers: other instances hear of ended sessions by one.',
    'Leave the trigger on.',
  ),
  'change-access': rule(
    'The version that still runs may lose the right to use it.',
    'Grant the new rights first, and revoke the old ones in a later release.',
  ),
  'change-settings': rule(
    'It changes what other migrations, or the service, run under: their time limits, or where names are looked up.',
    'Name the schema in the statement. For `db:migrate`, its settings give the time limits.',
  ),
  'transaction-control': rule(
    'The migrator begins and ends the transaction.',
    'Leave it out, or begin the migration with `-- migrate: no-transaction`.',
  ),
  'hidden-code': rule(
    'This check cannot see what the code does.',
    'Write the statements that it runs, in full.',
  ),
  'unknown-statement': rule(
    'This check does not know what it locks, or whether the version that still runs can live with it.',
    'Look up its lock in the PostgreSQL manual, and say in the allowance why it is safe.',
  ),
} as const satisfies Record<string, Rule>

export type RuleName = keyof typeof RULES

/** Returns the rule of a name, or undefined. */
export function findRule(name: string): Rule | undefined {
  return Object.entries<Rule>(RULES).find(([known]) => known === name)?.[1]
}
