/** Column types: what the service stores and reads back. */
import { pgTable } from 'drizzle-orm/pg-core'
import { describe, expect, it } from 'vitest'
import { instantText } from '../../src/db/columns.ts'
import { databaseOfTest } from '../helpers/database.ts'

const { at } = pgTable('t', { at: instantText('at') })

/** Returns what the column reads of an instant that was written to it, on a connection of a time zone. */
async function readBack(instant: string, zone: string): Promise<string> {
  const { connect } = await databaseOfTest()
  const client = await connect()
  try {
    await client.query(`set time zone '${zone}'`)
    const { rows } = await client.query(`select ($1::${at.getSQLType()})::text as written`, [instant])
    return String(at.mapFromDriverValue(rows[0].written))
  } finally {
    client.release()
  }
}

describe('an instant as text', () => {
  it.each([
    '2026-01-31T12:00:00.123Z',
    '0001-01-01T00:00:00.000Z',
    '9999-12-31T23:59:59.999Z',
    '1970-01-01T00:00:00.000Z',
  ])('%s is read as it was written', async instant => {
    expect(await readBack(instant, 'UTC')).toBe(instant)
  })

  it.each(['Asia/Kolkata', 'Etc/GMT+5', 'Etc/GMT-14'])('is in UTC on a connection of %s', async zone => {
    expect(await readBack('2026-01-31T12:00:00.123Z', zone)).toBe('2026-01-31T12:00:00.123Z')
  })
})
