/** Finds the migrations of any app in its folders: Prisma, Drizzle, Knex, Kysely, TypeORM, or plain SQL. */
import { type Dirent, existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import type { Row } from '../../document/document.ts'
import { fact } from '../../document/evidence.ts'
import { purposeOf } from '../files/purpose.ts'
import { describeMigration } from './describe-migration.ts'

const FOLDER = /^(migrations?|drizzle)$/i
const IGNORED = /^(node_modules|dist|build|out|coverage|tests?|\..*)$/
const MAX_DEPTH = 5
/** The names begin with a number or a time: `001.do.users.sql`, `20240115_create_users.ts`, `1700000000000-Users.ts`. */
const FILE = /^V?\d[\w.-]*\.(sql|[cm]?[jt]s)$/i
const NOT_UP = /(^|[._-])(undo|down|rollback)[._-]|\.d\.[cm]?ts$/i

type Found = { name: string; file: string; text: string }

/** Returns a row for each migration, in the order of their names. Whether they are applied is not known. */
export function migrationRows(root: string): Row[] {
  const found = foldersIn(root, root, 0).flatMap(folder => migrationsIn(folder, root))
  return found
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .filter(({ name }, index, all) => all[index - 1]?.name !== name)
    .map(({ name, file, text }) => ({
      id: name,
      cells: [name, `${describe(file, text)} (not verified: the report does not read the app's database)`],
      state: 'not verified',
      evidence: [fact('migration file', file), { kind: 'source', file, line: 1 }],
    }))
}

function foldersIn(folder: string, root: string, depth: number): string[] {
  if (depth > MAX_DEPTH) return []
  const entries = readdirSync(folder, { withFileTypes: true }).filter(
    entry => entry.isDirectory() && !IGNORED.test(entry.name),
  )
  return entries.flatMap(({ name }) => {
    const path = join(folder, name)
    return FOLDER.test(name) ? [path, ...foldersIn(path, root, depth + 1)] : foldersIn(path, root, depth + 1)
  })
}

function migrationsIn(folder: string, root: string): Found[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap(entry => {
    const file = fileOf(folder, entry)
    if (file === undefined) return []
    const name = entry.name.replace(/\.(sql|[cm]?[jt]s)$/, '')
    return [{ name, file: relative(root, file), text: readFileSync(file, 'utf8') }]
  })
}

/** Prisma and newer versions of Drizzle have a folder for each migration. */
function fileOf(folder: string, entry: Dirent): string | undefined {
  const path = join(folder, entry.name)
  if (!entry.isDirectory()) return FILE.test(entry.name) && !NOT_UP.test(entry.name) ? path : undefined
  const inside = join(path, 'migration.sql')
  return existsSync(inside) ? inside : undefined
}

const END_OF_UP = /\b(exports\.down|function down|const down|async down|down\s*[:=(])/
const CALLS: readonly [RegExp, string][] = [
  [/\bcreateTable(?:IfNotExists)?\(\s*['"`]([\w.]+)/g, 'create table'],
  [/\bnew Table\(\s*\{\s*name:\s*['"`]([\w.]+)/g, 'create table'],
  [/\b(?:alterTable|schema\.table|addColumns?)\(\s*['"`]([\w.]+)/g, 'alter table'],
  [/\bdropTable(?:IfExists)?\(\s*['"`]([\w.]+)/g, 'drop table'],
  [/\bcreateIndex\(\s*['"`]([\w.]+)/g, 'create index'],
]

/** Code is described by its opening comment, or else by the tables that its first half creates, as SQL is. */
function describe(file: string, text: string): string {
  if (file.endsWith('.sql')) return describeMigration(text)
  const comment = purposeOf(file, text)
  if (comment !== undefined) return comment
  const up = text.split(END_OF_UP, 1)[0] ?? text
  const calls = CALLS.flatMap(([pattern, statement]) =>
    [...up.matchAll(pattern)].map(([, name]) => `${statement} "${name}" `),
  )
  return describeMigration(`${calls.join(';\n')}\n${up.replaceAll('\\"', '"')}`)
}
