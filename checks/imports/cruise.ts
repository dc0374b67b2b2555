/** Reads the imports of a checkout and finds those that break a rule. */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { cruise, type ICruiseResult } from 'dependency-cruiser'
import { RULES } from './rules.ts'

const SOURCE = /\.[cm]?[jt]s$/

/** Packages of their own, with dependencies that are installed when they are first used. */
const SERVERS = '^bench/[^/]+/servers/'

const EXCLUDED = `(^|/)node_modules/|${SERVERS}`

export type Imports = {
  /** How many files were read. */
  files: number
  /** Imports that break a rule, in a sentence each. */
  problems: string[]
}

/** Returns the imports that break a rule. Throws where a file was not read: without a parser none would be, in silence. */
export async function findForbiddenImports(root: string): Promise<Imports> {
  const files = await listFiles(root)
  const { output } = await cruise(files, {
    baseDir: root,
    validate: true,
    ruleSet: { forbidden: [...RULES] },
    parser: 'swc',
    // Imports of types too, which Node.js strips.
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    exclude: { path: SERVERS },
  })
  const { modules, summary } = output as ICruiseResult
  const read = new Set(modules.map(({ source }) => source))
  const unread = files.filter(file => !read.has(file))
  if (unread.length > 0)
    throw new Error(`the imports of ${unread.length} files were not read: ${unread[0]} …`)
  const violations = summary.violations.map(({ from, to, rule, cycle = [] }) => {
    const path = cycle.length > 0 ? cycle.map(({ name }) => name).join(' → ') : to
    return `${from} → ${path}: ${RULES.find(({ name }) => name === rule.name)?.comment ?? rule.name}`
  })
  return { files: files.length, problems: [...violations, ...(await findUnseenTypes(root, modules))] }
}

/** Returns the source files of the checkout, those of new folders too. */
async function listFiles(root: string): Promise<string[]> {
  const entries = await readdir(root, { withFileTypes: true })
  const lists = await Promise.all(
    entries.map(async entry => {
      const { name } = entry
      if (!entry.isDirectory() || name.startsWith('.') || name === 'node_modules') return [name]
      const names = await readdir(join(root, name), { recursive: true })
      return names.map(path => `${name}/${path.replaceAll('\\', '/')}`)
    }),
  )
  const excluded = new RegExp(EXCLUDED)
  return lists.flat().filter(file => SOURCE.test(file) && !excluded.test(file))
}

/** `import('./x.ts')`, in code and in types. */
const IMPORT_CALL = /\bimport\(\s*['"](\.[^'"]+)['"]\s*\)/g

/** Where types of modules are searched. Tests and the template have such text in strings. */
const SEARCHED = /^(src|harness|bench|report)\/(?!(.*\/)?test\/)/

/** Returns a problem for each type that is written as `import('./x.ts').Name`: the parser does not report these. */
async function findUnseenTypes(root: string, modules: ICruiseResult['modules']): Promise<string[]> {
  const found = modules
    .filter(({ source }) => SEARCHED.test(source) && SOURCE.test(source))
    .map(async ({ source, dependencies }) => {
      const seen = new Set(dependencies.map(({ module }) => module))
      const text = await readFile(join(root, source), 'utf8')
      return [...text.matchAll(IMPORT_CALL)]
        .filter(([, name = '']) => !seen.has(name))
        .map(([call]) => `${source}: ${call} in a type is not checked. Use \`import type\`.`)
    })
  return (await Promise.all(found)).flat()
}
