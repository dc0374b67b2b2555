/** The gate in front of the pool: how many it lets in, in which order, and for how long it lets others wait. */
import { expect, it } from 'vitest'
import { createGate } from '../../src/db/gate.ts'

const LONG_MS = 10_000

it('lets as many in as its limit says, and the others in their order', async () => {
  const gate = createGate(2)
  const order: string[] = []
  const enter = (name: string) => gate.enter(LONG_MS).then(() => order.push(name))
  await Promise.all([enter('a'), enter('b')])
  const late = [enter('c'), enter('d')]
  expect(gate.tryEnter()).toBe(false)
  expect(gate.waitingCount()).toBe(2)
  gate.leave()
  await late[0]
  expect(order).toEqual(['a', 'b', 'c'])
  gate.leave()
  await late[1]
  expect(order).toEqual(['a', 'b', 'c', 'd'])
  expect(gate.waitingCount()).toBe(0)
})

it('turns a caller away after its time, and keeps no place for it', async () => {
  const gate = createGate(1)
  expect(await gate.enter(LONG_MS)).toBe(true)
  expect(await gate.enter(10)).toBe(false)
  expect(gate.waitingCount()).toBe(0)
  gate.leave()
  expect(gate.tryEnter()).toBe(true)
})

it('lets in fewer, or more, when its limit changes', async () => {
  const gate = createGate(2)
  expect([gate.tryEnter(), gate.tryEnter()]).toEqual([true, true])
  gate.setLimit(1)
  const waiting = gate.enter(LONG_MS)
  gate.leave()
  expect(gate.waitingCount()).toBe(1)
  gate.setLimit(2)
  expect(await waiting).toBe(true)
})
