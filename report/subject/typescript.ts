/** Chooses how TypeScript of a foreign app is loaded. */
import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

/**
 * Returns the arguments of Node.js for a module: nothing for JavaScript; tsx where the app depends on it; else Node's own
 * stripping of types, which knows enums and parameter properties, and no decorators.
 */
export function typescriptArguments(file: string, root: string): string[] {
  if (!/\.[cm]?tsx?$/.test(file)) return []
  const require = createRequire(join(root, 'package.json'))
  const manifest = join(root, 'package.json')
  const own = existsSync(manifest)
    ? (JSON.parse(readFileSync(manifest, 'utf8')) as Record<string, Record<string, string> | undefined>)
    : {}
  if ('tsx' in { ...own.dependencies, ...own.devDependencies }) {
    return ['--import', pathToFileURL(require.resolve('tsx')).href]
  }
  return ['--experimental-transform-types', '--disable-warning=ExperimentalWarning']
}
