/** Tells whether JSON text means the same to every reader of it: I-JSON (RFC 7493), and a limit on its depth. */

/** A string, and whether a colon makes it a name; a number; or what opens and closes. */
const TOKENS = /("[^"\\]*(?:\\.[^"\\]*)*")(\s*:)?|-?[0-9][0-9.eE+-]*|[{}[\]]/gs

/**
 * Why a text, which JSON.parse has accepted, is refused all the same; undefined where it is not. Readers differ over a
 * name that appears twice (which of its values counts?), over numbers past 2^53 and over lone surrogates, so that a
 * proxy may have checked another body than the one we act on. PostgreSQL's text cannot hold U+0000.
 * Throws nothing, and recurses nowhere: the depth is the client's.
 */
export function findFault(text: string, maxDepth: number): string | undefined {
  // The names of each object that is open; undefined for an array.
  const open: (Set<string> | undefined)[] = []
  for (const [token, quoted, colon] of text.matchAll(TOKENS)) {
    if (quoted !== undefined) {
      const value = quoted.includes('\\') ? (JSON.parse(quoted) as string) : quoted.slice(1, -1)
      if (!value.isWellFormed() || value.includes('\0')) return 'The body has text that cannot be stored'
      const names = open.at(-1)
      if (colon !== undefined && names?.has(value)) return 'The body has the same name twice in an object'
      if (colon !== undefined) names?.add(value)
    } else if (token === '{' || token === '[') {
      open.push(token === '{' ? new Set() : undefined)
      if (open.length > maxDepth) return `The body is nested deeper than ${maxDepth} levels`
    } else if (token === '}' || token === ']') {
      open.pop()
    } else if (Math.abs(Number(token)) > Number.MAX_SAFE_INTEGER) {
      return 'The body has a number past 2^53 - 1'
    }
  }
  return undefined
}
