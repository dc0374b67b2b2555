/** The documents as the tests read them: their text, their code blocks and the commands that they name. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** The modules that cannot be removed. The documents name only these. */
export const CORE_MODULES = ['accounts', 'sessions', 'users', 'audit']

/** Returns the text of a document, by its path in the repository. */
export function readDocument(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8')
}

/** Returns the paths of the documents, without the generated report. */
export function documentPaths(): string[] {
  const inFolder = (folder: string) =>
    readdirSync(join(ROOT, folder))
      .filter(name => name.endsWith('.md') && name !== 'REPORT.md')
      .map(name => join(folder, name))
  return ['.', 'docs'].flatMap(inFolder)
}

/** Returns the shell blocks under a heading of the second level. Throws where there is no such heading. */
export function shellBlocks(path: string, heading: string): string[] {
  const section = readDocument(path)
    .split(/^## /m)
    .find(part => part.startsWith(`${heading}\n`))
  if (section === undefined) throw new Error(`${path} has no section "${heading}"`)
  return [...section.matchAll(/^ *```sh\n([\s\S]*?)^ *```$/gm)].map(([, block = '']) => block)
}

/** Returns the names of the npm scripts that a text mentions: `start`, `db:migrate`. */
export function scriptsIn(text: string): string[] {
  const names = [...text.matchAll(/\bnpm\s+(?:run\s+(?:-s )?([\w:-]+)|(start|test)\b)/g)]
  return [...new Set(names.map(([, run, own]) => run ?? own ?? ''))].sort()
}
