/** Which file of the repository imports which. */
import { posix } from 'node:path'

type Files = { list: () => string[]; read: (path: string) => string }

/** `from './x.ts'`, `import('./x.ts')`, `import './x.ts'` and `new URL('./x.ts', import.meta.url)`. */
const REFERENCE = /(?:\bfrom\s+|\bimport\s*\(?\s*|\bnew URL\(\s*)['"](\.{1,2}\/[^'"]+)['"]/g

/** Returns the files that each TypeScript file names in its imports, by path. */
export function readImports(files: Files): Map<string, string[]> {
  const sources = files.list().filter(path => path.endsWith('.ts'))
  return new Map(
    sources.map(path => {
      const found = [...files.read(path).matchAll(REFERENCE)]
      return [path, found.map(([, target = '']) => posix.join(posix.dirname(path), target))]
    }),
  )
}

/** Returns the names of packages that a text imports or names in quotes. */
export function mentionsPackage(text: string, name: string): boolean {
  return [`'${name}'`, `'${name}/`, `"${name}"`, `"${name}/`, `node_modules/${name}/`].some(form =>
    text.includes(form),
  )
}
