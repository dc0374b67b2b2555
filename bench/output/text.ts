/** Numbers as text: counts with their nouns, and figures with three digits. */

/** Returns the count with its noun: `1 round`, `5 rounds`. */
export function plural(count: number, noun: string, nouns = `${noun}s`): string {
  return `${count} ${count === 1 ? noun : nouns}`
}
