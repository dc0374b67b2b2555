/** Opaque cursors of keyset pagination: the position at which a page ended, and its sort order. */

/** The sort key and the id of a page's last row; `sort` names the order. */
export type Position = { sort: string; key: string; id: string }

/** Returns the cursor of a position: JSON in base64url, which needs no escaping in a URL. */
export function encodeCursor({ sort, key, id }: Position): string {
  return Buffer.from(JSON.stringify([sort, key, id])).toString('base64url')
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/** Returns the position of a cursor; undefined where the text is no cursor for `sort`. Its key is text of the client. */
export function decodeCursor(cursor: string, sort: string): Position | undefined {
  try {
    const parts: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString())
    if (!Array.isArray(parts) || parts.length !== 3 || !parts.every(part => typeof part === 'string')) return
    const [cursorSort, key, id] = parts as [string, string, string]
    const isText = key.isWellFormed() && !key.includes('\0')
    return cursorSort === sort && isText && UUID.test(id) ? { sort, key, id } : undefined
  } catch {
    // Not JSON: the caller refuses it.
    return undefined
  }
}

/** Returns the instant of a key; undefined where `toISOString` would not write it so, or its year is not 1 to 9999. */
export function instantOf(key: string): Date | undefined {
  const instant = new Date(key)
  const isExact = !Number.isNaN(instant.getTime()) && instant.toISOString() === key
  return isExact && /^(?!0000)\d/.test(key) ? instant : undefined
}

/** Returns a page, and the cursor of the next one. `rows` are those of a query with a limit of one more than `limit`. */
export function pageOf<T extends { id: string }>(
  rows: T[],
  limit: number,
  sort: string,
  sortKey: (row: T) => string,
) {
  const items = rows.slice(0, limit)
  const last = items.at(-1)
  const hasMore = rows.length > limit && last !== undefined
  return { items, nextCursor: hasMore ? encodeCursor({ sort, key: sortKey(last), id: last.id }) : null }
}
