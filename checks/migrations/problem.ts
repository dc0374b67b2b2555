/** What is wrong with a migration, and how it is printed. */

export type Problem = {
  /** `drizzle/20261127_name.sql:3`, or another file of the folder. */
  place: string
  /** What is wrong: one sentence or more. */
  what: string
  /** What to do about it. */
  remedy: string
  /** The statement it is about. */
  statement?: string
  /** The rule that it breaks. */
  rule?: string
  /** Whether a comment can allow it. */
  isAllowable?: boolean
}

const MAX_STATEMENT = 160

/** Returns a problem as lines of text: place, statement, what is wrong, and what to do. */
export function format({ place, what, remedy, statement, rule, isAllowable }: Problem): string {
  const lines = [`${place}${rule === undefined ? '' : ` ${rule}`}`]
  if (statement !== undefined) lines.push(`    ${shorten(statement)}`)
  lines.push(`  ${what}`, `  To do: ${remedy}`)
  if (isAllowable) lines.push(`  If it is safe here, write before it: -- migrate: allow ${rule}: <reason>`)
  return lines.join('\n')
}

function shorten(statement: string): string {
  const line = statement.replaceAll(/\s+/g, ' ')
  return line.length > MAX_STATEMENT ? `${line.slice(0, MAX_STATEMENT)}…` : line
}
