/** Two migrations that are made one after the other have numbers of their own. */
import { expect, it } from 'vitest'
import { waitForNextNumber } from '../migrations.ts'

const PATHS = [
  'drizzle/20260101000000_old.sql',
  'drizzle/20260131115959_new.sql',
  'drizzle/meta/_journal.json',
]
const NEWEST = Date.parse('2026-01-31T11:59:59Z')

/** Returns how long the wait took, in milliseconds, where the clock shows `at`. */
async function waitAt(at: number, paths = PATHS): Promise<number> {
  const start = performance.now()
  await waitForNextNumber(paths, () => at)
  return performance.now() - start
}

it('waits for the second after the newest', async () => {
  expect(await waitAt(NEWEST + 700)).toBeGreaterThan(290)
})

it('waits for nothing where that second has come, or there is no migration', async () => {
  expect(await waitAt(NEWEST + 1000)).toBeLessThan(100)
  expect(await waitAt(NEWEST, [])).toBeLessThan(100)
})

it('refuses where the newest is of a later time than the clock', async () => {
  await expect(waitAt(NEWEST - 60_000)).rejects.toThrow(/later than this machine/)
})
