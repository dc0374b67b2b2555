/** The list of users: every order, filter and page size against a reference, and refused cursors. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { encodeCursor } from '../../../src/lib/cursor.ts'
import { createTestApp, type TestApp, type Tokens } from '../../helpers/app.ts'

type Listed = {
  id: string
  email: string
  role: string
  disabledAt: string | null
  createdAt: string
}
type Filter = { role?: 'user' | 'admin'; disabled?: boolean }

const COUNT = 60
const SORTS = ['createdAt', '-createdAt', 'email', '-email'] as const
const FILTERS: Filter[] = ['user', 'admin', undefined].flatMap(role =>
  [true, false, undefined].map(disabled => ({
    ...(role !== undefined && { role: role as 'user' | 'admin' }),
    ...(disabled !== undefined && { disabled }),
  })),
)

let service: TestApp
let admin: Tokens
let everyone: Listed[]

beforeAll(async () => {
  service = await createTestApp()
  const { id, email } = await service.signUp({ email: 'u999@example.com' })
  await service.database.query("update users set role = 'admin' where id = $1", [id])
  admin = await service.logIn(email)
  // Addresses in mixed case and random order; several users share an instant.
  await service.database.query(
    `insert into users (email, password_hash, display_name, role, disabled_at, created_at)
     select (case when n % 2 = 0 then 'U' else 'u' end) || lpad((n * 37 % 101)::text, 3, '0') || '@Example.com', '', 'x',
       case when n % 4 = 0 then 'admin' else 'user' end,
       case when n % 3 = 0 then now() end,
       timestamptz '2026-01-31 12:00:00.123+00' + (n / 5) * interval '1 millisecond'
     from generate_series(1, $1) n`,
    [COUNT - 1],
  )
  const { rows } = await service.database.query<Omit<Listed, 'createdAt'> & { createdAt: Date }>(
    'select id, email, role, disabled_at as "disabledAt", created_at as "createdAt" from users',
  )
  everyone = rows.map(row => ({ ...row, createdAt: row.createdAt.toISOString() }))
})
afterAll(() => service.close())

/** Returns the expected list: sorted by the key, then by the id. */
function reference(sort: (typeof SORTS)[number], { role, disabled }: Filter): string[] {
  const key = sort.endsWith('email')
    ? (row: Listed) => row.email.toLowerCase()
    : (row: Listed) => row.createdAt
  const sign = sort.startsWith('-') ? -1 : 1
  const compare = (left: string, right: string) => (left < right ? -1 : left > right ? 1 : 0)
  return everyone
    .filter(row => role === undefined || row.role === role)
    .filter(row => disabled === undefined || (row.disabledAt !== null) === disabled)
    .toSorted((left, right) => sign * (compare(key(left), key(right)) || compare(left.id, right.id)))
    .map(row => row.id)
}

async function list(query: Record<string, string | number | boolean>) {
  const text = new URLSearchParams(
    Object.entries(query).map(([name, value]) => [name, String(value)] as [string, string]),
  )
  return service.call('GET', `/api/v1/users?${text}`, { token: admin.accessToken })
}

/** Returns the ids of every page. */
async function walk(query: Record<string, string | number | boolean>): Promise<string[][]> {
  const pages: string[][] = []
  let cursor: string | null = null
  do {
    const response = await list({ ...query, ...(cursor !== null && { cursor }) })
    expect(response.statusCode, response.body).toBe(200)
    const page: { items: Listed[]; nextCursor: string | null } = response.json()
    pages.push(page.items.map(item => item.id))
    cursor = page.nextCursor
  } while (cursor !== null)
  return pages
}

describe.each(SORTS)('in the order %s', sort => {
  it.each(FILTERS)('pages of every size equal the reference with the filter %j', async filter => {
    const expected = reference(sort, filter)
    expect(expected.length).toBeGreaterThan(3)
    const sizes = [1, 4, 5, expected.length - 1, expected.length, expected.length + 1]
    for (const limit of sizes.filter(size => size > 1 || expected.length < 20)) {
      const pages = await walk({ sort, limit, ...filter })
      expect(pages.flat()).toEqual(expected)
      // All pages are full except the last, which is not empty.
      expect(pages.map(page => page.length).slice(0, -1)).toEqual(Array(pages.length - 1).fill(limit))
      expect(pages.length).toBe(Math.ceil(expected.length / limit))
    }
  })
})

it('shows the newest 20 by default', async () => {
  const response = await list({})
  expect(response.json().items.map((item: Listed) => item.id)).toEqual(
    reference('-createdAt', {}).slice(0, 20),
  )
})

it('shows an admin everything about a user except the password', async () => {
  const [first] = (await list({ limit: 1 })).json().items
  expect(Object.keys(first).sort()).toEqual([
    'createdAt',
    'disabledAt',
    'displayName',
    'email',
    'id',
    'role',
    'updatedAt',
  ])
})

it('repeats and skips no user when rows change between two pages', async () => {
  const [first, second] = [await list({ limit: 10, sort: 'email' }), reference('email', {}).slice(10, 20)]
  const { rows } = await service.database.query(
    `insert into users (email, password_hash, display_name)
     values ('a@example.com', '', 'x'), ('zz@example.com', '', 'x') returning id`,
  )
  const next = await list({ limit: 10, sort: 'email', cursor: first.json().nextCursor })
  await service.database.query('delete from users where id = any($1)', [rows.map(row => row.id)])
  expect(next.json().items.map((item: Listed) => item.id)).toEqual(second)
})

describe('a cursor', () => {
  const ID = '0197a1b2-9d3c-4e4f-8a5b-6c7d8e9f0a1b'
  const instant = '2026-01-31T12:00:00.000Z'
  const refused: [string, string, string][] = [
    ['of another order', 'email', encodeCursor({ sort: '-email', key: 'a', id: ID })],
    ['of another key', 'email', encodeCursor({ sort: 'createdAt', key: instant, id: ID })],
    ['without an order', 'email', encodeCursor({ sort: '', key: 'a', id: ID })],
    ['that is garbage', 'email', 'garbage'],
    ['of a wrong id', 'email', encodeCursor({ sort: 'email', key: 'a', id: 'x' })],
    ['whose id is SQL', 'email', encodeCursor({ sort: 'email', key: 'a', id: `${ID}' or 1=1--` })],
    ['whose key is no instant', 'createdAt', encodeCursor({ sort: 'createdAt', key: 'now', id: ID })],
    ['whose key is a number', 'createdAt', encodeCursor({ sort: 'createdAt', key: '1', id: ID })],
    ['whose key is infinite', 'createdAt', encodeCursor({ sort: 'createdAt', key: 'infinity', id: ID })],
    [
      'of the year 275760',
      'createdAt',
      encodeCursor({ sort: 'createdAt', key: '+275760-09-13T00:00:00.000Z', id: ID }),
    ],
  ]

  it.each(refused)('%s is refused', async (_name, sort, cursor) => {
    const response = await list({ sort, cursor })
    expect(response.statusCode).toBe(400)
    expect(response.json().code).toBe('INVALID_CURSOR')
  })

  it('with a NUL in its key is refused', async () => {
    const response = await list({
      sort: 'email',
      cursor: encodeCursor({ sort: 'email', key: 'a\u0000', id: ID }),
    })
    expect(response.statusCode).toBe(400)
  })

  it('is text to PostgreSQL, also when it looks like SQL', async () => {
    const key = "z'; drop table users; --"
    const response = await list({ sort: 'email', cursor: encodeCursor({ sort: 'email', key, id: ID }) })
    expect([response.statusCode, response.json()]).toEqual([200, { items: [], nextCursor: null }])
  })
})

it.each([
  'limit=0',
  'limit=101',
  'limit=-1',
  'limit=1.5',
  'limit=ten',
  'limit=',
  'limit=1&limit=2',
  'sort=passwordHash',
  'sort=email;drop',
  'sort=--email',
  'role=root',
  'role=',
  'disabled=maybe',
  'cursor=',
  'cursor=%00',
  `cursor=${'A'.repeat(601)}`,
  'order=email',
])('refuses the query %s', async query => {
  const response = await service.call('GET', `/api/v1/users?${query}`, { token: admin.accessToken })
  expect(response.statusCode, response.body).toBe(400)
  expect(response.json().code).toBe('VALIDATION_FAILED')
})

it('is for admins only', async () => {
  const { accessToken } = await service.signUp({ email: 'u998@example.com' })
  expect((await service.call('GET', '/api/v1/users', { token: accessToken })).statusCode).toBe(403)
  expect((await service.call('GET', '/api/v1/users')).statusCode).toBe(401)
})
