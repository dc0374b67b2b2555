/** Opaque cursors of keyset pagination: where a page ended, in which order. */

/** The sort key and the id of a page's last row; `sort` names the order that they belong to. */
export type Position = { sort: string; key: string; id: string }

/** The cursor of a position: base64url of JSON, so that it needs no escaping in a URL. */
export function encodeCursor({ sort, key, id }: Position): string {
  return Buffer.from(JSON.stringify([sort, key, id])).toString('base64url')
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/** The position of a cursor, or undefined where the text is not a cursor for `sort`. The key is the client's text. */
export function decodeCursor(cursor: string, sort: string): Position | undefined {
  try {
    const parts: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString())
    if (!Array.isArray(parts) || parts.length !== 3 || !parts.every(part => typeof part === 'string')) return
    const [cursorSort, key, id] = parts as [string, string, string]
    const isText = key.isWellFormed() && !key.includes('\0')
    return cursorSort === sort && isText && UUID.test(id) ? { sort, key, id } : undefined
  } catch {
    // Not JSON: someone else's text, which the caller refuses.
    return undefined
  }
}

/** The instant that a key is the text of; undefined where it is not one that `toISOString` writes, of year 1 to 9999. */
export function instantOf(key: string): Date | undefined {
  const instant = new Date(key)
  const isExact = !Number.isNaN(instant.getTime()) && instant.toISOString() === key
  return isExact && /^(?!0000)\d/.test(key) ? instant : undefined
}

/** A page out of the rows of a query that asked for one more than `limit`, and the cursor of the next one. */
export function pageOf<T extends { id: string }>(
  rows: T[],
  limit: number,
  sort: string,
  keyOf: (row: T) => string,
) {
  const items = rows.slice(0, limit)
  const last = items.at(-1)
  const hasMore = rows.length > limit && last !== undefined
  return { items, nextCursor: hasMore ? encodeCursor({ sort, key: keyOf(last), id: last.id }) : null }
}
