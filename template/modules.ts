/** The modules of the service, as they declare themselves, and their places in the repository. */
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { formsOf } from './names.ts'
import type { Files } from './staging.ts'

export const INDEX = 'src/modules/index.ts'

export type Module = { name: string; needs?: readonly string[]; isRequired?: boolean }

/** Returns the modules of a checkout, in the order of their list. */
export async function readModules(root: string): Promise<readonly Module[]> {
  const { modules } = await import(pathToFileURL(join(root, INDEX)).href)
  return modules
}

/** Returns where a module's files are: folders, and single files where one is enough. */
export function placesOfModule(name: string): string[] {
  return [
    `src/modules/${name}`,
    `test/modules/${name}`,
    `bench/scenarios/${name}`,
    `report/security/checks/${name}.ts`,
  ]
}

/** Returns the names of a module's tables. */
export function tablesOf(files: Files, name: string): string[] {
  const path = `src/modules/${name}/tables.ts`
  if (!files.has(path)) return []
  return [...files.read(path).matchAll(/\bpgTable\(\s*'(\w+)'/g)].map(([, table = '']) => table)
}

/** Adds a module to the list, in the order of the formatter: if it moves the first import, it adds an empty line. */
export function addToIndex(text: string, name: string): string {
  const { camel } = formsOf(name)
  const path = `./${name}/module.ts`
  const line = `import { ${camel} } from '${path}'\n`
  const imports = [...text.matchAll(/^import [^\n]* from '([^']+)'\n/gm)]
  const [next = ''] = imports.find(([, other = '']) => other > path) ?? []
  const [last = ''] = imports.at(-1) ?? []
  const added = next ? text.replace(next, line + next) : text.replace(last, last + line)
  return added.replace(
    /(= \[)([^\]]*?),?(\s*\])/,
    (_, open, list, close) => `${open}${list}, ${camel}${close}`,
  )
}

/** Takes a module out of the list. */
export function removeFromIndex(text: string, name: string): string {
  const { camel } = formsOf(name)
  return text
    .replace(new RegExp(`^import \\{ ${camel} \\} from [^\\n]*\\n`, 'm'), '')
    .replace(/(= \[)([^\]]*)(\])/, (_, open, list: string, close) => {
      const kept = list.split(',').filter(entry => entry.trim() !== camel && entry.trim() !== '')
      return open + kept.join(',') + close
    })
}
