/** The shell's PG* variables, which are for other servers, have no effect on the embedded one. */
import pg from 'pg'
import { expect, inject, it, onTestFinished } from 'vitest'
import { selfContained } from '../../src/db/embedded.ts'

/** Values of the variables, valid and invalid ones. */
const VALUES = [
  'require',
  'verify-full',
  'direct',
  'database',
  '1',
  '0',
  'SQL_ASCII',
  '-c search_path=nowhere',
  '/nowhere',
]

/** The variables that node-postgres reads where a connection string leaves out all that it can. */
function variablesRead(): string[] {
  const names = new Set<string>()
  const environment = process.env
  process.env = new Proxy(environment, {
    get(target, name) {
      names.add(String(name))
      return Reflect.get(target, name)
    },
  })
  try {
    new pg.Client({ connectionString: 'postgres://' })
  } finally {
    process.env = environment
  }
  return [...names].filter(name => name.startsWith('PG'))
}

/** The properties of a connection on the server. */
async function describeConnection() {
  const url = new URL(inject('templateUrl'))
  // The template must have no connections while it is cloned.
  url.pathname = '/postgres'
  const client = new pg.Client({ connectionString: selfContained(url.href), application_name: 'test' })
  await client.connect()
  try {
    const { rows } = await client.query(`
      select current_user as user, inet_server_port() as port, current_setting('client_encoding') as encoding,
        current_setting('search_path') as path, current_setting('application_name') as name,
        (select ssl from pg_stat_ssl where pid = pg_backend_pid()) as ssl`)
    return rows[0]
  } finally {
    await client.end()
  }
}

it('are all read by node-postgres, and none has an effect', async () => {
  const names = variablesRead()
  expect(names).toEqual(expect.arrayContaining(['PGHOST', 'PGSSLMODE', 'PGOPTIONS', 'PGSSLNEGOTIATION']))
  const expected = await describeConnection()
  expect(expected).toMatchObject({ encoding: 'UTF8', ssl: false })
  onTestFinished(() => {
    for (const name of names) delete process.env[name]
  })
  for (const name of [...names, 'PGSERVICE', 'PGPASSFILE']) {
    for (const value of VALUES) {
      process.env[name] = value
      expect(await describeConnection(), `${name}=${value}`).toEqual(expected)
    }
    delete process.env[name]
  }
  for (const name of names) process.env[name] = 'require'
  expect(await describeConnection()).toEqual(expected)
})
