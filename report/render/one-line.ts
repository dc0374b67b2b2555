/** Puts text on one line. */

export function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, ' ').trim()
}
