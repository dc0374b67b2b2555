/** Adds what the report uses and Node.js 20 does not have: the functions of ES2024, and URL.parse. */

Promise.withResolvers ??= function withResolvers<T>() {
  let settle: Pick<PromiseWithResolvers<T>, 'resolve' | 'reject'> | undefined
  const promise = new Promise<T>((resolve, reject) => {
    settle = { resolve, reject }
  })
  return { promise, ...settle } as PromiseWithResolvers<T>
}

Object.groupBy ??= function groupBy<K extends PropertyKey, T>(
  items: Iterable<T>,
  keyOf: (item: T, index: number) => K,
) {
  return Object.fromEntries(Map.groupBy(items, keyOf)) as Partial<Record<K, T[]>>
}

Map.groupBy ??= function groupBy<K, T>(items: Iterable<T>, keyOf: (item: T, index: number) => K) {
  const groups = new Map<K, T[]>()
  for (const [index, item] of [...items].entries()) {
    const key = keyOf(item, index)
    groups.set(key, [...(groups.get(key) ?? []), item])
  }
  return groups
}

URL.parse ??= function parse(text: string, base?: string) {
  return URL.canParse(text, base) ? new URL(text, base) : null
}
