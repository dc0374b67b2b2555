/** Random numbers that repeat: the same seed draws the same load and the same bootstrap samples. */

export type Random = () => number

/**
 * Returns a generator of numbers in [0, 1) with 32 bits of state (mulberry32 by Tommy Ettinger, public domain): it
 * passes gjrand's tests, and its period of 2^32 is beyond what one run draws.
 */
export function createRandom(seed: number): Random {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** Returns one element; throws on an empty list, because a draw from nothing is a mistake of the caller. */
export function pick<T>(random: Random, items: readonly T[]): T {
  const item = items[Math.floor(random() * items.length)]
  if (item === undefined) throw new Error('cannot draw from an empty list')
  return item
}

/** Returns the items in an order in which each is equally likely to stand anywhere (Fisher and Yates, 1938). */
export function shuffle<T>(random: Random, items: readonly T[]): T[] {
  const left = [...items]
  return items.map(() => {
    const [drawn] = left.splice(Math.floor(random() * left.length), 1)
    if (drawn === undefined) throw new Error('an index lies outside the list')
    return drawn
  })
}
