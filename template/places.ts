/** Paths of the repository: files, and folders with all that is in them. */

/** Whether a path is one of the places, or in one of them. */
export function isIn(path: string, places: readonly string[]): boolean {
  return places.some(place => path === place || path.startsWith(`${place}/`))
}

/** Whether a file holds text. */
export function isText(path: string): boolean {
  return !/\.(?:png|jpg|webp|ico|woff2|gz)$/.test(path)
}

/** Returns a pattern, or a word of a script, as the path that it begins with: `!bench/**` is about `bench`. */
export function placeOf(word: string): string {
  return word
    .replace(/^!/, '')
    .replace(/^\.?\//, '')
    .replace(/\/?\*.*$/, '')
    .replace(/\/$/, '')
}
