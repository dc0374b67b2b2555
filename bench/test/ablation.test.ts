/** What `ablate` switches off is off, all else is still there, and requests are answered as ever. */
import { drizzle } from 'drizzle-orm/node-postgres'
import Fastify from 'fastify'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import * as original from '../../src/modules/users/repository.ts'
import { cloneDatabase, type TestDatabase } from '../../test/helpers/database.ts'
import { swapHooks } from '../ablation/hooks.ts'
import { createLogStream } from '../ablation/stubs/log-stream.ts'
import { LRUCache } from '../ablation/stubs/lru-cache.ts'
import { overload } from '../ablation/stubs/overload.ts'
import * as stubbed from '../ablation/stubs/users-repository.ts'
import { type Variant, variants } from '../ablation/variants.ts'
import { withoutThese } from '../commands/ablate.ts'
import { type Observation, observe } from './helpers/ablation.ts'

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
const thirds = [0, 1, 2].map(rest => variants.filter((_, index) => index % 3 === rest))
const kinds = ['feature', 'shortcut'].map(kind => variants.filter(variant => variant.kind === kind))

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

  it('is a process that nobody watches', async () => {
    const app = Fastify()
    swapHooks(app, { shedLoad: undefined })
    await app.register(overload)
    await expect(app.ready()).rejects.toThrow('no hook is called shedLoad')
  })

  it('is a log that waits for no second line', () => {
    const stream = createLogStream()
    expect(Reflect.get(stream, 'minLength')).toBe(0)
  })

  it('is a query that is planned anew each time', async () => {
    const client = new pg.Client({ connectionString: database.url })
    await client.connect()
    onTestFinished(() => client.end())
    const planned = async () => (await client.query('select name from pg_prepared_statements')).rows
    // Both take any executor; the one over a single connection lets the test see what was planned on it.
    const db = drizzle(client) as unknown as Parameters<typeof original.createFindById>[0]
    const untraced = <T>(_text: string, run: () => Promise<T>) => run()
    expect(await stubbed.createFindById(db, untraced)(crypto.randomUUID())).toBeUndefined()
    expect(await planned()).toEqual([])
    expect(await original.createFindById(db, untraced)(crypto.randomUUID())).toBeUndefined()
    expect(await planned()).toEqual([{ name: 'find_user_by_id' }])
  })
})

describe('an ablation that would switch nothing off', () => {
  it('ends the start where a hook has been renamed', async () => {
    const app = Fastify()
    swapHooks(app, { nobodyHasThisName: undefined })
    await expect(app.ready()).rejects.toThrow('no hook is called nobodyHasThisName')
  })
})
