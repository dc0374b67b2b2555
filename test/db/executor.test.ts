/** Drizzle over the service's own `query` function: which parts of a pg client Drizzle uses. */
import { eq, sql } from 'drizzle-orm'
import { integer, pgTable } from 'drizzle-orm/pg-core'
import { expect, it } from 'vitest'
import { createExecutor } from '../../src/db/connection.ts'

const notes = pgTable('notes', { id: integer('id').primaryKey() })

it('calls `query` of its client, and reads nothing else of it', async () => {
  const used = new Set<string | symbol>()
  const query = async () => ({ command: 'SELECT', rowCount: 1, oid: 0, fields: [], rows: [['1']] })
  const client = new Proxy({ query } as unknown as Parameters<typeof createExecutor>[0], {
    get(target, name) {
      used.add(name)
      return Reflect.get(target, name)
    },
  })
  const db = createExecutor(client)
  await db.execute(sql`select 1`)
  await db.select().from(notes).where(eq(notes.id, 1)).for('update')
  await db.select().from(notes).prepare('find_notes').execute()
  await db.insert(notes).values({ id: 1 }).returning()
  await db.update(notes).set({ id: 2 })
  await db.delete(notes)
  expect([...used]).toEqual(['query'])
})
