/** The documents agree with the repository: links have targets, and SECURITY.md lists every column of the core. */
import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { is } from 'drizzle-orm'
import { getTableConfig, PgTable } from 'drizzle-orm/pg-core'
import { describe, expect, it } from 'vitest'
import { CORE_MODULES } from './helpers/documents.ts'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const read = (path: string) => readFileSync(join(ROOT, path), 'utf8')

const documents = globSync(['*.md', '{bench,docs}/*.md'], { cwd: ROOT })

/** Returns the anchors of a document, as GitHub makes them of its headings. */
function anchorsOf(path: string): Set<string> {
  const headings = [...read(path).matchAll(/^#+ (.+)$/gm)].map(([, text = '']) => text.toLowerCase())
  return new Set(headings.map(text => text.replaceAll(/[^\p{L}\p{N}\s_-]/gu, '').replaceAll(' ', '-')))
}

describe.each(documents)('the links of %s', document => {
  it('lead to files and headings that exist', () => {
    const links = [...read(document).matchAll(/(?:\]\(|(?:src|srcset|href)=")([^)"\s]+)/g)]
    const local = links.map(([, link = '']) => link).filter(link => !/^[a-z]+:/.test(link))
    const broken = local.filter(link => {
      const [path = '', anchor] = link.split('#')
      const target = path === '' ? document : join(dirname(document), path)
      if (!existsSync(join(ROOT, target))) return true
      return anchor !== undefined && target.endsWith('.md') && !anchorsOf(target).has(anchor)
    })
    expect(broken).toEqual([])
  })
})

describe('the data inventory of SECURITY.md', async () => {
  const [, section = ''] = /## Data inventory\n([\s\S]*?)\n## /.exec(read('SECURITY.md')) ?? []
  const rows = [...section.matchAll(/^\| `(\w+)` \| (`\w+`(?:, `\w+`)*) \| (\w+) \|/gm)]
  const listed = rows.flatMap(([, table, columns = '']) =>
    [...columns.matchAll(/\w+/g)].map(([column]) => `${table}.${column}`),
  )
  const files = CORE_MODULES.map(name => `src/modules/${name}/tables.ts`).filter(path =>
    existsSync(join(ROOT, path)),
  )
  const exported = await Promise.all(files.map(path => import(pathToFileURL(join(ROOT, path)).href)))
  const tables = exported.flatMap(module => Object.values(module)).filter(value => is(value, PgTable))

  it('lists every table and column of the modules that every service has, once', () => {
    const columns = tables.map(getTableConfig).flatMap(table => {
      return table.columns.map(({ name }) => `${table.name}.${name}`)
    })
    expect(columns.length).toBeGreaterThan(30)
    expect(listed.toSorted()).toEqual([...new Set(columns)].toSorted())
  })

  it('gives each column one of the three classes', () => {
    expect(new Set(rows.map(([, , , kind]) => kind))).toEqual(new Set(['secret', 'personal', 'internal']))
  })
})

describe('the picture of the architecture', () => {
  const withoutStyle = (path: string) => read(path).replace(/<style>[\s\S]*<\/style>/, '')
  const light = withoutStyle('docs/architecture.svg')

  it('differs between light and dark only in its colours', () => {
    expect(withoutStyle('docs/architecture-dark.svg')).toBe(light)
  })

  it('names the modules that every service has', () => {
    const [, named = ''] = /Module<\/text>\s*<text [^>]*>([^<]*)</.exec(light) ?? []
    expect(named.split(', ').filter(name => name !== '…')).toEqual(CORE_MODULES)
    for (const name of CORE_MODULES) expect(existsSync(join(ROOT, 'src/modules', name)), name).toBe(true)
  })
})
