/** The security check of readiness: it fails while the database cannot be used, and comes back by itself. */
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { RunError } from '../../../harness/errors.ts'
import { NotVerified } from '../../errors.ts'
import type { HttpResponse } from '../../http.ts'
import { startReference } from '../../subject/reference.ts'
import type { ServiceCheck } from '../check.ts'

/** Load balancers ask each 5 to 10 s, and a service may use a result for a second or two. */
const NOTICED_WITHIN_MS = 5000
const POLL_MS = 100

type Context = Parameters<ServiceCheck['run']>[0]

export const readiness: ServiceCheck = {
  id: 'readiness',
  rank: 445,
  claim: 'Readiness fails without the database or a migration, and comes back; liveness stays',
  source: 'ASVS 5.0 §16.5.3, Kubernetes probes',
  needs: 'service',
  isAlone: 'disturbs',
  async run(context) {
    const { http, api } = context
    const ready = await http.client().call(...api.to('ready'), { retry: false })
    if (ready.status !== 200) throw new NotVerified(`the response of readiness was ${ready.status} at first`)
    await withoutDatabase(context)
    await withoutMigration(context)
    return {}
  },
}

/** Lets the database refuse all connections, and ends those that are open. */
async function withoutDatabase(context: Context): Promise<void> {
  const { internals } = context
  const url = new URL(internals.databaseUrl)
  const name = decodeURIComponent(url.pathname.slice(1))
  url.pathname = '/postgres'
  const client = new pg.Client({ connectionString: url.href })
  await client.connect().catch(() => {
    throw new NotVerified('the report cannot connect to another database of the server')
  })
  const allow = (isAllowed: boolean) =>
    client.query(`alter database ${pg.escapeIdentifier(name)} allow_connections ${isAllowed}`)
  try {
    await allow(false).catch(() => {
      throw new NotVerified('the report may not stop the connections to the database')
    })
    await client.query('select pg_terminate_backend(pid) from pg_stat_activity where datname = $1', [name])
    await expectNotReady(context, 'while the database refuses connections')
    await allow(true)
    await expectReady(context, 'when the database takes connections again')
  } finally {
    await allow(true).finally(() => client.end())
  }
}

/** Starts the service beside this one while its newest migration counts as not applied. */
async function withoutMigration(context: Context): Promise<void> {
  const { internals, subject, expect } = context
  const { rows: found } = await internals.query("select to_regclass('drizzle.__drizzle_migrations') as name")
  if (found[0].name === null) throw new NotVerified('there is no table of applied migrations')
  const { rows } = await internals.query(
    'select * from drizzle.__drizzle_migrations order by created_at desc limit 1',
  )
  const [newest] = rows
  if (!newest) throw new NotVerified('no migration is applied')
  const { id, hash, created_at } = newest
  const putBack = () =>
    internals.query(
      'insert into drizzle.__drizzle_migrations (id, hash, created_at) values ($1, $2, $3) on conflict do nothing',
      [id, hash, created_at],
    )
  await internals.query('delete from drizzle.__drizzle_migrations where id = $1', [id])
  let second: Awaited<ReturnType<typeof startReference>> | undefined
  try {
    second = await startReference({ root: subject.root, databaseUrl: internals.databaseUrl }).catch(error => {
      if (error instanceof RunError) return undefined
      throw error
    })
    if (!second) {
      expect.fact('a start without a migration', 'refused', 'refused, or not ready', true)
      return
    }
    const other = { ...context, ask: askerOf(second.origin) }
    await expectNotReady(other, 'while a migration is not applied')
    await putBack()
    await expectReady(other, 'when the migration is applied')
  } finally {
    await second?.stop()
    await putBack()
  }
}

type Reply = Pick<HttpResponse, 'status'>
type Ask = (path: string) => Promise<Reply>

function askerOf(origin: string): Ask {
  return async path => ({ status: (await fetch(origin + path)).status })
}

type Target = Context & { ask?: Ask }

function asks({ http, ask }: Target): Ask {
  const client = http.client()
  return ask ?? (path => client.call('GET', path, { retry: false }))
}

async function expectNotReady(target: Target, when: string): Promise<void> {
  const { expect, api } = target
  const ask = asks(target)
  const [, ready] = api.to('ready')
  const status = await poll(ask, ready, code => code >= 500)
  expect.fact(`readiness ${when}`, String(status), '503', status === 503)
  const { live } = api.found
  if (!live) return
  const alive = await ask(live.url)
  expect.fact(`liveness ${when}`, String(alive.status), '200', alive.status === 200)
}

async function expectReady(target: Target, when: string): Promise<void> {
  const [, ready] = target.api.to('ready')
  const status = await poll(asks(target), ready, code => code === 200)
  target.expect.fact(`readiness ${when}`, String(status), '200', status === 200)
}

/** Asks until the status is as wanted or the time is over. Returns the last one. */
async function poll(ask: Ask, path: string, isWanted: (status: number) => boolean): Promise<number> {
  const deadline = performance.now() + NOTICED_WITHIN_MS
  for (;;) {
    const { status } = await ask(path)
    if (isWanted(status) || performance.now() > deadline) return status
    await sleep(POLL_MS)
  }
}
