/** Column types that the tables of several modules share. */
import { customType, timestamp } from 'drizzle-orm/pg-core'

export const bytea = customType<{ data: Buffer }>({ dataType: () => 'bytea' })

/** An instant to the millisecond, as in JavaScript: with microseconds, a cursor made from a Date would skip rows. */
export const instant = (name: string) => timestamp(name, { withTimezone: true, precision: 3, mode: 'date' })
