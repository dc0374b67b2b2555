/** Column types that the tables of several modules share. */
import { customType, timestamp } from 'drizzle-orm/pg-core'

export const bytea = customType<{ data: Buffer }>({ dataType: () => 'bytea' })

/** An instant to the millisecond, as in JavaScript: with microseconds, a cursor made from a Date would skip rows. */
export const instant = (name: string) => timestamp(name, { withTimezone: true, precision: 3, mode: 'date' })

/** The same as the text that clients read and write: ISO 8601 in UTC, as `Date.prototype.toISOString` writes it. */
export const instantText = customType<{ data: string; driverData: string }>({
  dataType: () => 'timestamp (3) with time zone',
  // PostgreSQL writes `2026-01-31 12:00:00.123+00`, which is no ISO 8601 until the space and the offset are.
  fromDriver: value => new Date(value.replace(' ', 'T').replace(/(?<=[+-]\d\d)$/, ':00')).toISOString(),
})
