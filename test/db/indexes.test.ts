/** The filters of the user list and the purge of sessions read no more rows than they need, in tables of 100,000 rows. */
import { drizzle } from 'drizzle-orm/node-postgres'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { listUsers, sortKeyOf } from '../../src/modules/users/repository.ts'
import { cloneDatabase, type TestDatabase } from '../helpers/database.ts'
import { readDocument } from '../helpers/documents.ts'

const ROWS = 100_000
/** One user in so many is an admin, and one in so many is disabled. */
const RARE = 1000
const LIMIT = 20

let database: TestDatabase
let pool: pg.Pool

beforeAll(async () => {
  database = await cloneDatabase()
  pool = new pg.Pool({ connectionString: database.url, max: 1 })
  pool.on('error', () => {
    // At the end the server may close a connection before the pool has.
  })
  await pool.query(`
    insert into users (email, password_hash, display_name, role, disabled_at, created_at)
    select n || '@example.com', '', 'Ada', case when n % ${RARE} = 0 then 'admin' else 'user' end,
      case when n % ${RARE} < 2 then now() end, now() - n * interval '1 minute'
    from generate_series(1, ${ROWS}) n;
    insert into sessions (user_id, idle_expires_at, expires_at, ip, user_agent)
    select (select id from users limit 1), now(), now() + (n - ${ROWS / 2}) * interval '1 minute', '', ''
    from generate_series(1, ${ROWS}) n;
    analyze users, sessions`)
})
afterAll(async () => {
  await pool.end()
  await database.drop()
})

type Plan = {
  'Node Type': string
  'Index Name'?: string
  'Actual Rows': number
  'Actual Loops': number
  'Rows Removed by Filter'?: number
  Plans?: Plan[]
}

/** Runs a statement, rolls it back, and returns the steps of its plan. */
async function planOf(text: string, values: unknown[] = []): Promise<Plan[]> {
  await pool.query('begin')
  try {
    const { rows } = await pool.query(`explain (analyze, timing off, format json) ${text}`, values)
    return steps(rows[0]['QUERY PLAN'][0].Plan)
  } finally {
    await pool.query('rollback')
  }
}

function steps(plan: Plan): Plan[] {
  return [plan, ...(plan.Plans ?? []).flatMap(steps)]
}

/** Rows that the steps have read. */
function rowsRead(plan: readonly Plan[]): number {
  const ofStep = (step: Plan) =>
    (step['Actual Rows'] + (step['Rows Removed by Filter'] ?? 0)) * step['Actual Loops']
  return Math.max(...plan.map(ofStep))
}

const indexesOf = (plan: readonly Plan[]) => plan.flatMap(({ 'Index Name': name }) => name ?? [])

type Options = Parameters<typeof listUsers>[1]
const PAGE: Options = {
  order: 'createdAt',
  isDescending: true,
  limit: LIMIT,
  after: undefined,
  role: undefined,
  disabled: undefined,
}

/** Reads a page of the list as the service does, and returns its rows and its plan. */
async function list(options: Partial<Options>) {
  let statement: { text: string; values: unknown[] } | undefined
  const logQuery = (text: string, values: unknown[]) => {
    statement = { text, values }
  }
  const rows = await listUsers(drizzle(pool, { logger: { logQuery } }), { ...PAGE, ...options })
  const { text = '', values } = statement ?? {}
  return { rows, plan: await planOf(text, values) }
}

describe('P43: a page of the user list', () => {
  it.each<[string, Partial<Options>, string]>([
    ['of all', {}, 'users_created_at_id_idx'],
    ['of admins', { role: 'admin' }, 'users_admins_created_at_id_idx'],
    ['of disabled users', { disabled: true }, 'users_disabled_created_at_id_idx'],
    ['of enabled users who are no admins', { role: 'user', disabled: false }, 'users_created_at_id_idx'],
  ])(
    '%s reads no more rows than it returns, in both orders, also after the first page',
    async (_who, who, index) => {
      for (const isDescending of [true, false]) {
        const first = await list({ ...who, isDescending })
        const last = first.rows.at(-1)
        if (!last) throw new Error('the page is empty')
        const second = await list({
          ...who,
          isDescending,
          after: { key: sortKeyOf('createdAt', last), id: last.id },
        })
        for (const { rows, plan } of [first, second]) {
          expect(rows).toHaveLength(LIMIT + 1)
          expect(indexesOf(plan)).toEqual([index])
          expect(plan.map(step => step['Node Type'])).not.toContain('Sort')
          // A few rows are skipped: an admin before the next user.
          expect(rowsRead(plan)).toBeLessThanOrEqual(LIMIT + 1 + 2)
        }
      }
    },
  )

  it.each<[string, Partial<Options>]>([
    ['disabled admins', { role: 'admin', disabled: true }],
    ['enabled admins', { role: 'admin', disabled: false }],
    ['admins by address', { role: 'admin', order: 'email' }],
    ['disabled users by address', { disabled: true, order: 'email' }],
  ])('of %s reads the few, not the table', async (_who, who) => {
    const { plan } = await list(who)
    for (const index of indexesOf(plan)) expect(index).toMatch(/^users_(admins|disabled)_created_at_id_idx$/)
    expect(plan.map(step => step['Node Type'])).not.toContain('Seq Scan')
    expect(rowsRead(plan)).toBeLessThanOrEqual((2 * ROWS) / RARE)
  })
})

describe('P43: the purge of expired sessions', () => {
  it('reads a batch by its index, with the statement of docs/deployment.md', async () => {
    const [, statement = ''] =
      /```sql\n([^`]*delete from sessions[^`]*);\n *```/.exec(readDocument('docs/deployment.md')) ?? []
    const plan = await planOf(statement.replace('30 days', '1 day'))
    expect(indexesOf(plan).sort()).toEqual(['sessions_expires_at_idx', 'sessions_pkey'])
    expect(plan.map(step => step['Node Type'])).not.toContain('Seq Scan')
    expect(rowsRead(plan)).toBe(1000)
  })
})
