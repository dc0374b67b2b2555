/** Batched look-ups: who waits for whom, who gets what, and whom a failure reaches. */
import { AsyncLocalStorage } from 'node:async_hooks'
import { expect, it } from 'vitest'
import { createBatchedFind } from '../../src/db/batch.ts'

type Row = { id: string }

/** A store that answers when it is told to, and notes what it was asked for. */
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

/** As many batches as may be in flight, none of them answered: what comes next gathers. */
async function underWay({ find, isAsked }: Pick<ReturnType<typeof createStore>, 'find' | 'isAsked'>) {
  const first = find('a')
  await isAsked(1)
  const second = find('b')
  await isAsked(2)
  return [first, second]
}

it('sends together what comes in one turn of the event loop', async () => {
  const { find, asked, answer, isAsked } = createStore()
  const found = ['a', 'b', 'c'].map(find)
  await isAsked(1)
  answer(0)
  expect(await Promise.all(found)).toEqual([{ id: 'a' }, { id: 'b' }, { id: 'c' }])
  expect(asked).toEqual([['a', 'b', 'c']])
})

it('sends the first two at once, and together those that come while they are under way', async () => {
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

it('gives each its own row, in whatever order the rows come, and nothing for what is not there', async () => {
  const find = createBatchedFind<Row>(async ids =>
    ids
      .filter(id => id !== 'missing')
      .map(id => ({ id }))
      .reverse(),
  )
  const found = await Promise.all(['a', 'missing', 'b', 'a'].map(find))
  expect(found).toEqual([{ id: 'a' }, undefined, { id: 'b' }, { id: 'a' }])
})

it('remembers nothing: what was found is asked for again', async () => {
  const rows = new Map([['a', { id: 'a', name: 'before' }]])
  const find = createBatchedFind(async ids => ids.flatMap(id => rows.get(id) ?? []))
  expect(await find('a')).toMatchObject({ name: 'before' })
  rows.set('a', { id: 'a', name: 'after' })
  expect(await find('a')).toMatchObject({ name: 'after' })
})

it('fails those in a batch that failed, and neither the ones before nor the one after', async () => {
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

it('lets nobody wait for batches that are stuck', async () => {
  const { find, answer, isAsked } = createStore()
  const stuck = await underWay({ find, isAsked })
  const next = find('c')
  await isAsked(3)
  answer(2)
  expect(await next).toEqual({ id: 'c' })
  for (const batch of [0, 1]) answer(batch)
  await Promise.all(stuck)
})

it('asks for a hundred at once at most', async () => {
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

it('asks in the context of none of those who wait, and each goes on in its own', async () => {
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
