/** Statements in the log of the report's own database server: proof of what reached SQL as text. */
import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { open, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { NotVerified } from '../errors.ts'
import type { Internals } from '../subject/subject.ts'

/** The log of the embedded server, beside its data. */
const LOG = 'server.log'
/** An entry of the log begins with its time; further lines of a statement do not. */
const ENTRY = /\n(?=\d{4}-\d\d-\d\d )/
/** What a client sends as parameters stands in other entries. */
const IS_STATEMENT = /STATEMENT: {2}/

export type Statements = Awaited<ReturnType<typeof watchStatements>>

/**
 * Returns a text that no statement survives that it is pasted into, and a function that returns the failed statements
 * with it: in a text of SQL its quotes are doubled. Parameters are in no statement. Throws NotVerified where the log
 * cannot be read.
 */
export async function watchStatements({ query }: Internals) {
  const file = await query('show data_directory').then(
    ({ rows }) => join(dirname(String(rows[0].data_directory)), LOG),
    () => '',
  )
  if (!existsSync(file)) {
    throw new NotVerified(
      'the log of the database cannot be read, so it is not known which statements failed',
    )
  }
  const from = (await stat(file)).size
  // Appears nowhere else. Evidence has no ids, so that it is the same in every run.
  const text = `${randomUUID()}'"`

  async function find(): Promise<string[]> {
    const handle = await open(file)
    try {
      const { size } = await handle.stat()
      const { buffer } = await handle.read(Buffer.alloc(size - from), 0, size - from, from)
      return buffer
        .toString()
        .split(ENTRY)
        .filter(entry => IS_STATEMENT.test(entry) && entry.includes(text))
    } finally {
      await handle.close()
    }
  }

  return { text, find }
}
