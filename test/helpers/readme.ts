/** The README as the tests read it: its code blocks and its table of commands. */
import { readFileSync } from 'node:fs'

export const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8')

/** The shell blocks under a heading. */
export function shellBlocks(heading: string): string[] {
  const section = readme.split(/^## /m).find(part => part.startsWith(`${heading}\n`))
  if (section === undefined) throw new Error(`The README has no section "${heading}"`)
  return [...section.matchAll(/^ *```sh\n([\s\S]*?)^ *```$/gm)].map(([, block = '']) => block)
}

/** The names of the npm scripts that the README speaks of: `start`, `db:migrate`. */
export function namedScripts(): string[] {
  const names = [...readme.matchAll(/\bnpm (?:run ([\w:-]+)|(start|test)\b)/g)]
  return [...new Set(names.map(([, run, own]) => run ?? own ?? ''))].sort()
}
