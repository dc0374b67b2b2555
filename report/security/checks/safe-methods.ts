/** The security check of safe methods: GET and HEAD leave every row of every table as it was. */
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { NotVerified } from '../../errors.ts'
import { isPublic, needsAdmin } from '../../routes.ts'
import { createCaller } from '../../sweep/caller.ts'
import type { Outgoing } from '../../sweep/sample.ts'
import { wrongRequests } from '../../sweep/wrong.ts'
import type { ServiceCheck, ServiceContext } from '../check.ts'

const READS = ['GET', 'HEAD']

/** What a service writes after its response is in the tables by then. */
const SETTLE_MS = 100
const MAX_SETTLES = 50

export const safeMethods: ServiceCheck = {
  id: 'safe-methods',
  rank: 310,
  claim: 'GET and HEAD change no row of any table ({count} routes)',
  source: 'RFC 9110 §9.2.1',
  needs: 'service',
  isAlone: 'measures',
  async run(context) {
    const { expect, routes, internals } = context
    const reads = routes.filter(({ method }) => READS.includes(method))
    const planned = await Promise.all(reads.map(async route => ({ route, ...(await plan(context, route)) })))
    const before = await settled(internals)
    await expectControl(internals, before)
    const changed = new Map<string, string[]>()
    for (const { route, requests } of planned) {
      const state = await fingerprint(internals)
      await sendAll(context, requests)
      const tables = differences(state, await fingerprint(internals))
      if (tables.length > 0) changed.set(`${route.method} ${route.url}`, tables)
    }
    // A late write counts too, though its route is not known.
    const late = differences(before, await settled(internals)).filter(
      table => ![...changed.values()].flat().includes(table),
    )
    for (const [route, tables] of changed) {
      expect.fact(`tables that ${route} changed`, tables.join(', '), 'none', false)
    }
    const all = [...new Set([...[...changed.values()].flat(), ...late])].sort().join(', ')
    expect.fact('changed tables', all || 'none', 'none', all === '')
    const sent = planned.reduce((sum, { requests }) => sum + requests.length, 0)
    expect.fact('requests sent', String(sent), 'more than none', sent > 0)
    const unreached = planned.filter(({ isReached }) => !isReached).map(({ route }) => route.url)
    if (unreached.length > 0) throw new NotVerified(`no valid request to ${unreached.join(', ')}`)
    return { count: String(planned.length) }
  },
}

/** Returns all requests to a route before any is sent: what they need is written first. */
async function plan(context: ServiceContext, route: ServiceContext['routes'][number]) {
  const { api, actors, objects, internals } = context
  const accounts = { api, actors, objects, metricsToken: internals.metricsToken }
  const caller = createCaller(route, accounts)
  const honest = await caller.request().catch(() => undefined)
  const anonymous = { method: route.method, path: honest?.path ?? route.url }
  const requests: Outgoing[] = [{ ...anonymous, sent: 'no credentials' }]
  if (honest) {
    requests.push({ ...honest, sent: 'a valid request' })
    requests.push(...wrongRequests(route, honest).map(({ request }) => request))
    if (!isPublic(route)) {
      const [stranger, admin] = await Promise.all([
        actors.user(),
        needsAdmin(route) ? undefined : actors.admin(),
      ])
      for (const other of [stranger, admin]) {
        if (other) requests.push({ ...honest, token: other.accessToken, sent: "another account's token" })
      }
    }
  }
  const heads = requests.map(request => ({ ...request, method: 'HEAD' }))
  return {
    isReached: honest !== undefined,
    requests: route.method === 'GET' ? [...requests, ...heads] : requests,
  }
}

/** Requests at once. */
const CONCURRENCY = 8

async function sendAll({ http }: ServiceContext, requests: readonly Outgoing[]): Promise<void> {
  const queue = [...requests]
  await Promise.all(
    Array.from({ length: CONCURRENCY }, async () => {
      for (let next = queue.shift(); next; next = queue.shift()) {
        const { method, path, ...call } = next
        await http.client().call(method, path, call)
      }
    }),
  )
}

type State = Map<string, string>

const TABLES = `select schemaname as schema, tablename as name from pg_tables
  where schemaname <> 'information_schema' and schemaname not like 'pg\\_%' order by 1, 2`

/** Returns the number of rows of each table, and a hash of all of them that does not depend on their order. */
async function fingerprint({ query }: ServiceContext['internals']): Promise<State> {
  const { rows: tables } = await query<{ schema: string; name: string }>(TABLES)
  if (tables.length === 0) throw new NotVerified('the database has no tables')
  const parts = tables.map(({ schema, name }) => {
    const table = `${pg.escapeIdentifier(schema)}.${pg.escapeIdentifier(name)}`
    const label = pg.escapeLiteral(schema === 'public' ? name : `${schema}.${name}`)
    return `select ${label} as name, count(*) || ' ' || coalesce(sum(hashtextextended(row::text, 0)::numeric), 0) as state from ${table} as row`
  })
  const { rows } = await query<{ name: string; state: string }>(parts.join(' union all '))
  return new Map(rows.map(({ name, state }) => [name, state]))
}

/** Returns the fingerprint once it has not changed for a while: earlier requests may have written after their response. */
async function settled(internals: ServiceContext['internals']): Promise<State> {
  let state = await fingerprint(internals)
  for (let turn = 0; turn < MAX_SETTLES; turn++) {
    await sleep(SETTLE_MS)
    const next = await fingerprint(internals)
    if (differences(state, next).length === 0) return next
    state = next
  }
  throw new NotVerified('the tables change without requests')
}

function differences(before: State, after: State): string[] {
  return [...new Set([...before.keys(), ...after.keys()])]
    .filter(table => before.get(table) !== after.get(table))
    .sort()
}

/** The fingerprint must show a change that the report makes itself. */
async function expectControl(internals: ServiceContext['internals'], before: State): Promise<void> {
  const name = 'report_control'
  await internals.query(`create table ${name} as select 1 as value`)
  try {
    const isSeen = differences(before, await fingerprint(internals)).includes(name)
    if (!isSeen) throw new NotVerified('the fingerprint of the tables does not show a change')
  } finally {
    await internals.query(`drop table ${name}`)
  }
}
