/** Validates JSON text as I-JSON (RFC 7493), which every parser reads in the same way, and limits its depth. */

/** A string, with a colon where it is a name; a number; or a brace or bracket. */
const TOKENS = /("[^"\\]*(?:\\.[^"\\]*)*")(\s*:)?|-?[0-9][0-9.eE+-]*|[{}[\]]/gs

/**
 * Returns why a text that JSON.parse accepts is refused; undefined where it is not. Parsers differ about a name that appears
 * twice, numbers past 2^53 and lone surrogates: a proxy may have checked another value than the service uses. PostgreSQL
 * cannot store U+0000. Throws nothing and does not recurse: the client chooses the depth.
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
