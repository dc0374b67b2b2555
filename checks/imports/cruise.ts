/** Reads the imports of a checkout and finds those that break a rule. */
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { cruise, type ICruiseResult } from 'dependency-cruiser'
import { RULES } from './rules.ts'

const FOLDERS = ['src', 'test', 'harness', 'bench', 'report', 'checks', 'template']

/** Packages of their own, with dependencies that are installed when they are first used. */
const EXCLUDED = '(^|/)node_modules/|^bench/[^/]+/servers/'

export type Imports = {
  /** How many files were read. */
  files: number
  /** Imports that break a rule, in a sentence each. */
  problems: string[]
}

/** Returns the imports that break a rule. Throws where a file was not read: without a parser none would be, in silence. */
export async function findForbiddenImports(root: string): Promise<Imports> {
  const files = await listFiles(root)
  const folders = FOLDERS.filter(folder => files.some(file => file.startsWith(`${folder}/`)))
  const { output } = await cruise(folders, {
    baseDir: root,
    validate: true,
    ruleSet: { forbidden: [...RULES] },
    parser: 'swc',
    // Imports of types too, which Node.js strips.
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    exclude: { path: EXCLUDED },
  })
  const { modules, summary } = output as ICruiseResult
  const read = new Set(modules.map(({ source }) => source))
  const unread = files.filter(file => !read.has(file))
  if (unread.length > 0)
    throw new Error(`the imports of ${unread.length} files were not read: ${unread[0]} …`)
  return {
    files: files.length,
    problems: summary.violations.map(({ from, to, rule, cycle = [] }) => {
      const path = cycle.length > 0 ? cycle.map(({ name }) => name).join(' → ') : to
      return `${from} → ${path}: ${RULES.find(({ name }) => name === rule.name)?.comment ?? rule.name}`
    }),
  }
}

async function listFiles(root: string): Promise<string[]> {
  const lists = await Promise.all(
    FOLDERS.map(async folder => {
      const names = await readdir(join(root, folder), { recursive: true }).catch(() => [])
      return names.map(name => `${folder}/${name.replaceAll('\\', '/')}`)
    }),
  )
  const excluded = new RegExp(EXCLUDED)
  return lists.flat().filter(file => file.endsWith('.ts') && !excluded.test(file))
}
