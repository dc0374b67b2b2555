/** A database for each trial: a copy of a migrated one on the same server. */
import pg from 'pg'

/** Makes a copy of the database of `template`, and returns its URL. */
export async function cloneDatabase(template: string, name: string): Promise<string> {
  const url = new URL(template)
  const source = decodeURIComponent(url.pathname.slice(1))
  url.pathname = `/${name}`
  await askServer(
    template,
    `create database ${pg.escapeIdentifier(name)} template ${pg.escapeIdentifier(source)}`,
  )
  return url.href
}

/** Drops a database, and the connections to it. */
export async function dropDatabase(url: string): Promise<void> {
  const name = decodeURIComponent(new URL(url).pathname.slice(1))
  await askServer(url, `drop database ${pg.escapeIdentifier(name)} with (force)`)
}

/** Runs SQL on a database. */
export async function runSql(connectionString: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString })
  await client.connect()
  try {
    await client.query(sql)
  } finally {
    await client.end()
  }
}

/** Not over the database itself: it may have no other connection while it is copied or dropped. */
async function askServer(database: string, statement: string): Promise<void> {
  const url = new URL(database)
  url.pathname = '/postgres'
  await runSql(url.href, statement)
}
