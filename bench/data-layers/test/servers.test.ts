/** The data layers do the same work: byte for byte the same responses, from the same rows. */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { cloneDatabase, type TestDatabase } from '../../../test/helpers/database.ts'
import type { MeasuredProcess } from '../../service/process.ts'
import { chooseLayers, driver, installLayers, listLayers, startLayer } from '../servers.ts'

const layers = await listLayers()
const others = layers.filter(name => name !== driver)
const running = new Map<string, MeasuredProcess>()
const { signal } = new AbortController()
let database: TestDatabase

beforeAll(async () => {
  await installLayers(() => {}, AbortSignal.timeout(240_000))
  database = await cloneDatabase()
  // Three to each instant, so that the id has to decide within a page and at its end.
  await database.query(
    `insert into users (id, email, password_hash, display_name, role, created_at, updated_at)
     select md5(n::text)::uuid, 'user' || n || '@example.com', 'no hash', 'Üser "' || n || '"',
       case when n = 7 then 'admin' else 'user' end,
       '2026-01-01T00:00:00Z'::timestamptz + (n / 3) * interval '1.001 seconds', '2026-02-03T04:05:06.789Z'
     from generate_series(1, 50) as n`,
  )
  await Promise.all(layers.map(async name => running.set(name, await startLayer(name, database.url, signal))))
}, 300_000)

afterAll(async () => {
  await Promise.all([...running.values()].map(({ stop }) => stop()))
  await database?.drop()
})

async function ask(name: string, path: string): Promise<{ status: number; body: string }> {
  const response = await fetch(`${running.get(name)?.origin}${path}`)
  return { status: response.status, body: await response.text() }
}

async function idOf(n: number): Promise<string> {
  const { rows } = await database.query<{ id: string }>('select md5($1::text)::uuid as id', [String(n)])
  return rows[0]?.id ?? ''
}

/** The bodies of all pages, from the first to the last. */
async function pagesOf(name: string): Promise<string[]> {
  const pages: string[] = []
  let next: string | null = null
  do {
    const { status, body } = await ask(
      name,
      next === null ? '/users' : `/users?after=${encodeURIComponent(next)}`,
    )
    expect(status).toBe(200)
    pages.push(body)
    next = JSON.parse(body).next
  } while (next !== null && pages.length < 10)
  return pages
}

describe(`${driver}, which the others are compared with,`, () => {
  it('finds a user, with instants in UTC and to the millisecond', async () => {
    const id = await idOf(7)
    expect(await ask(driver, `/users/${id}`)).toEqual({
      status: 200,
      body: JSON.stringify({
        id,
        email: 'user7@example.com',
        displayName: 'Üser "7"',
        role: 'admin',
        createdAt: '2026-01-01T00:00:02.002Z',
        updatedAt: '2026-02-03T04:05:06.789Z',
      }),
    })
  })

  it('lists every user once, in the order of creation and id, 20 to a page', async () => {
    const pages = (await pagesOf(driver)).map(body => JSON.parse(body).items)
    expect(pages.map(items => items.length)).toEqual([20, 20, 10])
    const { rows } = await database.query('select id from users order by created_at, id')
    expect(pages.flat().map(({ id }) => id)).toEqual(rows.map(({ id }) => id))
  })
})

describe.each(others)('%s responds as pg does', name => {
  it('for one user', async () => {
    for (const n of [1, 7, 50]) {
      const path = `/users/${await idOf(n)}`
      expect(await ask(name, path)).toEqual(await ask(driver, path))
    }
  })

  it('for an unknown id', async () => {
    const path = `/users/${crypto.randomUUID()}`
    expect(await ask(name, path)).toEqual({ status: 404, body: '{}' })
    expect(await ask(driver, path)).toEqual({ status: 404, body: '{}' })
  })

  it('for each page of the list', async () => {
    expect(await pagesOf(name)).toEqual(await pagesOf(driver))
  })

  it('for a page after a position that is no row', async () => {
    const path = `/users?after=2026-01-01T00:00:05.500Z_${crypto.randomUUID()}`
    const response = await ask(name, path)
    expect(response.status).toBe(200)
    expect(response).toEqual(await ask(driver, path))
  })
})

it('names the data layers that there are when asked for another', async () => {
  expect(layers).toEqual(['pg', 'drizzle', 'drizzle-prepared', 'kysely', 'prisma', 'typeorm'])
  await expect(chooseLayers(['sequelize'])).rejects.toThrow(/unknown data layer "sequelize"; there are: pg, /)
  expect(await chooseLayers(['kysely'])).toEqual(['pg', 'kysely'])
})

it('is typed as strictly as the rest', async () => {
  const root = fileURLToPath(new URL('../../../', import.meta.url))
  const tsc = fileURLToPath(import.meta.resolve('typescript/package.json')).replace('package.json', 'bin/tsc')
  await promisify(execFile)(process.execPath, [tsc, '--noEmit', '-p', 'bench/data-layers/servers'], {
    cwd: root,
  })
})
