/** Describes a migration from its SQL. */

/** Returns the opening comment of a migration, or else what its statements do. */
export function describeMigration(sql: string): string {
  if (sql === '') return 'Its file is missing'
  const comment = /^\s*--(?!>)\s*(.+)/.exec(sql)?.[1]
  if (comment !== undefined) return comment.replace(/\.$/, '')
  const names = (pattern: RegExp) => [...sql.matchAll(pattern)].map(([, name = '']) => name)
  const parts = [
    list('Creates table', names(/create table (?:if not exists )?"?([\w.]+)"?/gi)),
    list('alters table', names(/alter table "?([\w.]+)"? (?!add constraint)/gi)),
    list('drops table', names(/drop table (?:if exists )?"?([\w.]+)"?/gi)),
    count(names(/create (?:unique )?index (?:concurrently )?"?(\w+)"?/gi), 'index', 'indexes'),
    count(names(/add constraint "?(\w+)"?/gi), 'constraint', 'constraints'),
    list('creates function', names(/create (?:or replace )?function "?(\w+)"?/gi)),
    list('creates trigger', names(/create trigger "?(\w+)"?/gi)),
  ].filter(Boolean)
  const text = parts.join(', ') || 'Changes data'
  return text.charAt(0).toUpperCase() + text.slice(1)
}

function list(verb: string, names: string[]): string {
  const unique = [...new Set(names)].sort()
  return unique.length === 0 ? '' : `${verb}${unique.length > 1 ? 's' : ''} ${unique.join(', ')}`
}

function count(names: string[], one: string, many: string): string {
  return names.length === 0 ? '' : `${names.length} ${names.length === 1 ? one : many}`
}
