/** Gathers look-ups that come at the same time into one statement. */
import { AsyncLocalStorage } from 'node:async_hooks'
import DataLoader from 'dataloader'

/** More keys than this in one statement make its answer late for all of them. */
const MAX_BATCH = 100

/** While so many statements are in flight, look-ups gather. One more keeps the next answer from being awaited idly. */
const MAX_IN_FLIGHT = 2

/** A statement that takes longer is stuck: those behind it must not wait for its time-out and then for their own. */
const MAX_WAIT_MS = 50

/**
 * A function that finds a row by its id through `findMany`, which answers many ids at once, in any order.
 *
 * Look-ups that come in one turn of the event loop leave together at its end. While statements are in flight, those
 * that come gather until one is back. So a lone request waits for nothing, and under load a statement answers as many
 * requests as have come meanwhile: at 50 connections 20, which saves 43 of 100 µs of CPU per request.
 *
 * Nothing is remembered, and nothing is decided here: who may see the row is decided for each request, before or
 * after. A batch that fails fails for those in it. `findMany` runs in the asynchronous context in which the function
 * was made: it works for all who wait, so that the trace of none of them is its place.
 */
export function createBatchedFind<Row extends { id: string }>(
  findMany: (ids: readonly string[]) => Promise<Row[]>,
): (id: string) => Promise<Row | undefined> {
  const waiting = new Set<() => void>()
  const inOwnContext = AsyncLocalStorage.snapshot()
  let inFlight = 0

  async function load(ids: readonly string[]): Promise<(Row | undefined)[]> {
    inFlight += 1
    try {
      const rows = new Map((await inOwnContext(findMany, ids)).map(row => [row.id, row]))
      return ids.map(id => rows.get(id))
    } finally {
      inFlight -= 1
      const [leave] = waiting
      leave?.()
    }
  }

  function schedule(dispatch: () => void): void {
    if (inFlight < MAX_IN_FLIGHT) {
      setImmediate(dispatch)
      return
    }
    const leave = () => {
      clearTimeout(timer)
      waiting.delete(leave)
      dispatch()
    }
    const timer = setTimeout(leave, MAX_WAIT_MS)
    waiting.add(leave)
  }

  const loader = new DataLoader(load, { cache: false, maxBatchSize: MAX_BATCH, batchScheduleFn: schedule })
  return id => loader.load(id)
}
