/** Finds the id of the object that a response describes. */

/** Returns the id; the response is the object itself, or holds it under a name. */
export function findId(json: Record<string, unknown>): string | undefined {
  for (const candidate of [json, ...Object.values(json)]) {
    const { id } = (candidate ?? {}) as { id?: unknown }
    if (typeof id === 'string' || typeof id === 'number') return String(id)
  }
  return undefined
}
