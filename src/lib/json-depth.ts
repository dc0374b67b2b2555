/** How deep a JSON value is nested, found without recursion. */

/** The depth of a parsed JSON value: 0 for a scalar, 1 for `{}` or `[1]`. Stops counting above `limit`. */
export function jsonDepth(value: unknown, limit: number): number {
  let depth = 0
  let level = [value].filter(isNested)
  while (level.length > 0 && depth <= limit) {
    depth += 1
    level = level.flatMap(nested => Object.values(nested).filter(isNested))
  }
  return depth
}

function isNested(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}
