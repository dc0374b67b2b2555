/** What `ablate` switches off is off, all else is still there, and its responses are the same. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import Fastify from 'fastify'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { cloneDatabase, type TestDatabase } from '../../../test/helpers/database.ts'
import { withoutThese } from '../command.ts'
import { swapHooks } from '../hooks.ts'
import { createLogStream } from '../stubs/log-stream.ts'
import { LRUCache } from '../stubs/lru-cache.ts'
import { overload } from '../stubs/overload.ts'
import { VARIANTS, type Variant } from '../variants.ts'
import { type Observation, observe } from './helpers/observe.ts'

let database: TestDatabase
let complete: Observation

/** What shows from outside when it is gone. */
const VISIBLE = [
  'security-headers',
  'cors',
  'rate-limit',
  'access-log',
  'metrics',
  'tracing',
  'request-ids',
  'connections',
  'validation',
  'authentication',
  'revocation',
  'batching',
  'serialization',
]

function observeWithout(off: readonly Variant[]): Promise<Observation> {
  return observe(database.url, withoutThese(off, 'a variant'))
}

beforeAll(async () => {
  database = await cloneDatabase()
  complete = await observeWithout([])
})
afterAll(() => database?.drop())

it('shows every feature of the service as it is', () => {
  expect(Object.keys(complete.features).toSorted()).toEqual(VISIBLE.toSorted())
  expect(missingOf(complete)).toEqual([])
})

/** Every variant in one of three: a process of its own for each would take as long as all other tests of the bench. */
const thirds = [0, 1, 2].map(rest => VARIANTS.filter((_, index) => index % 3 === rest))
const kinds = ['feature', 'shortcut'].map(kind => VARIANTS.filter(variant => variant.kind === kind))

describe.concurrent('the service without', () => {
  it.each([...thirds, ...kinds].map(off => [namesOf(off), off] as const))('%s', async (names, off) => {
    const observed = await observeWithout(off)
    expect(missingOf(observed)).toEqual(VISIBLE.filter(visible => names.includes(visible)).toSorted())
    expect(observed.user).toEqual(complete.user)
  })
})

function namesOf(off: readonly Variant[]): string[] {
  return off.map(({ name }) => name)
}

function missingOf({ features }: Observation): string[] {
  return Object.keys(features)
    .filter(name => !features[name])
    .sort()
}

describe('what does not show from outside', () => {
  it('is a cache that remembers nothing', () => {
    const cache = new LRUCache()
    cache.set()
    expect(cache.get()).toBeUndefined()
  })

  it('is a process without a watch on its event loop', async () => {
    const app = Fastify()
    swapHooks(app, { shedLoad: undefined })
    await app.register(overload)
    await expect(app.ready()).rejects.toThrow('no hook is called shedLoad')
  })

  it('is a log that waits for no second line', () => {
    const stream = createLogStream()
    expect(Reflect.get(stream, 'minLength')).toBe(0)
  })

  it('is a query that is built and planned anew each time', async () => {
    const code = `
            import pg from 'pg'
      import { pgTable, text } from 'drizzle-orm/pg-core'
      import { sql } from 'drizzle-orm'
      const { drizzle } = await import(process.argv[1])
      const client = new pg.Client({ connectionString: process.argv[2] })
      await client.connect()
      const users = pgTable('users', { email: text() })
      const find = drizzle({ client }).select().from(users)
        .where(sql\`email = \${sql.placeholder('email')}\`).prepare('find')
      const rows = await find.execute({ email: 'unknown@example.com' })
      const planned = await client.query('select name from pg_prepared_statements')
      console.log(JSON.stringify({ rows, planned: planned.rows, text: find.getQuery().sql }))
      await client.end()`
    const find = async (module: string) => {
      const args = ['--input-type=module', '--eval', code, module, database.url]
      const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: import.meta.dirname })
      return JSON.parse(stdout)
    }
    const stub = await find(new URL('../stubs/drizzle.ts', import.meta.url).href)
    const original = await find('drizzle-orm/node-postgres')
    expect(original).toMatchObject({ rows: [], planned: [{ name: 'find' }] })
    expect(stub).toEqual({ ...original, planned: [] })
  })
})

describe('an ablation that would switch nothing off', () => {
  it('ends the start where a hook has been renamed', async () => {
    const app = Fastify()
    swapHooks(app, { nobodyHasThisName: undefined })
    await expect(app.ready()).rejects.toThrow('no hook is called nobodyHasThisName')
  })
})
