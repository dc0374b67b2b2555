/** Batched look-ups: which are sent together, which rows they get, and which of them a failure affects. */
import { AsyncLocalStorage } from 'node:async_hooks'
import { expect, it } from 'vitest'
import { createBatchedFind } from '../../src/db/batch.ts'

type Row = { id: string }

/** A store that responds when the test lets it, and records the ids that it was asked for. */
function createStore() {
  const asked: (readonly string[])[] = []
  const answers: PromiseWithResolvers<Row[]>[] = []
  const find = createBatchedFind<Row>(ids => {
    asked.push(ids)
    const answer = Promise.withResolvers<Row[]>()
    answers.push(answer)
    return answer.promise
  })
  const answer = (batch: number) =>
    answers[batch]?.resolve((asked[batch] ?? []).filter(id => !id.startsWith('missing')).map(id => ({ id })))
  const isAsked = (batches: number) => expect.poll(() => asked.length, { interval: 1 }).toBe(batches)
  return {
    find,
    asked,
    answer,
    isAsked,
    fail: (batch: number, error: Error) => answers[batch]?.reject(error),
  }
}

/** Starts as many batches as may be in progress, and completes none: later look-ups wait. */
async function underWay({ find, isAsked }: Pick<ReturnType<typeof createStore>, 'find' | 'isAsked'>) {
  const first = find('a')
  await isAsked(1)
  const second = find('b')
  await isAsked(2)
  return [first, second]
}

it('sends the look-ups of one turn of the event loop together', async () => {
  const { find, asked, answer, isAsked } = createStore()
  const found = ['a', 'b', 'c'].map(find)
  await isAsked(1)
  answer(0)
  expect(await Promise.all(found)).toEqual([{ id: 'a' }, { id: 'b' }, { id: 'c' }])
  expect(asked).toEqual([['a', 'b', 'c']])
})

it('sends the first two batches at once, and later look-ups together', async () => {
  const { find, asked, answer, isAsked } = createStore()
  const first = await underWay({ find, isAsked })
  const others = [find('c'), find('d'), find('e')]
  answer(1)
  await isAsked(3)
  answer(2)
  expect(await Promise.all(others)).toEqual([{ id: 'c' }, { id: 'd' }, { id: 'e' }])
  answer(0)
  expect(await Promise.all(first)).toEqual([{ id: 'a' }, { id: 'b' }])
  expect(asked).toEqual([['a'], ['b'], ['c', 'd', 'e']])
})

it('returns to each look-up its own row, in any order of the rows, and undefined where there is none', async () => {
  const find = createBatchedFind<Row>(async ids =>
    ids
      .filter(id => id !== 'missing')
      .map(id => ({ id }))
      .reverse(),
  )
  const found = await Promise.all(['a', 'missing', 'b', 'a'].map(find))
  expect(found).toEqual([{ id: 'a' }, undefined, { id: 'b' }, { id: 'a' }])
})

it('does not cache: a row that was found is read again', async () => {
  const rows = new Map([['a', { id: 'a', name: 'before' }]])
  const find = createBatchedFind(async ids => ids.flatMap(id => rows.get(id) ?? []))
  expect(await find('a')).toMatchObject({ name: 'before' })
  rows.set('a', { id: 'a', name: 'after' })
  expect(await find('a')).toMatchObject({ name: 'after' })
})

it('fails the look-ups of a batch that fails, and none of the batches before and after', async () => {
  const { find, answer, fail, isAsked } = createStore()
  const before = await underWay({ find, isAsked })
  const failing = [find('c'), find('d')].map(found => expect(found).rejects.toThrow('lost'))
  answer(0)
  await isAsked(3)
  const after = find('e')
  fail(2, new Error('lost'))
  await Promise.all(failing)
  await isAsked(4)
  answer(3)
  expect(await after).toEqual({ id: 'e' })
  answer(1)
  expect(await Promise.all(before)).toEqual([{ id: 'a' }, { id: 'b' }])
})

it('does not wait for batches that are stuck', async () => {
  const { find, answer, isAsked } = createStore()
  const stuck = await underWay({ find, isAsked })
  const next = find('c')
  await isAsked(3)
  answer(2)
  expect(await next).toEqual({ id: 'c' })
  for (const batch of [0, 1]) answer(batch)
  await Promise.all(stuck)
})

it('reads at most a hundred ids with one statement', async () => {
  const { find, asked, answer, isAsked } = createStore()
  const first = await underWay({ find, isAsked })
  const ids = Array.from({ length: 250 }, (_, index) => `id-${index}`)
  const found = ids.map(find)
  for (let batch = 0; batch < 5; batch += 1) {
    await isAsked(Math.min(batch + 2, 5))
    answer(batch)
  }
  expect(await Promise.all([...first, ...found])).toEqual(['a', 'b', ...ids].map(id => ({ id })))
  expect(asked.map(batch => batch.length)).toEqual([1, 1, 100, 100, 50])
})

it('runs a batch in the context of no look-up, and continues each look-up in its own', async () => {
  const caller = new AsyncLocalStorage<string>()
  const seen: (string | undefined)[] = []
  const find = createBatchedFind(async ids => {
    seen.push(caller.getStore())
    return ids.map(id => ({ id }))
  })
  const names = ['a', 'b', 'c']
  const after = await Promise.all(
    names.map(name => caller.run(name, async () => [await find(name), caller.getStore()])),
  )
  expect(after).toEqual(names.map(name => [{ id: name }, name]))
  expect(new Set(seen)).toEqual(new Set([undefined]))
})
