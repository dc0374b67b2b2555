/** Database Changes: the migrations folder, compared with the applied migrations in the live database. */
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Collector, Context } from '../../context.ts'
import type { Row, State } from '../../document/document.ts'
import { fact } from '../../document/evidence.ts'
import type { Internals } from '../../subject/subject.ts'
import { notAvailable } from '../rows.ts'
import { describeMigration } from './describe-migration.ts'
import { migrationRows } from './migration-files.ts'

export const database: Collector = { section: 'database', collect: collectDatabase }

const FOLDER = 'drizzle'

type Applied = { hash: string; created_at: string }
type Migration = { tag: string; when: number | undefined; sql: string }

async function collectDatabase({ subject: { root }, service }: Context): Promise<Row[]> {
  if (!service) {
    const [first, ...rest] = migrationRows(root)
    return first ? [first, ...rest] : [notAvailable('database', 'no folder of migrations was found')]
  }
  const folder = join(root, FOLDER)
  if (!existsSync(join(folder, 'meta/_journal.json'))) {
    return [notAvailable('database', `there is no migrations folder ${FOLDER}/`)]
  }
  const applied = await appliedMigrations(service.internals)
  const migrations = readMigrations(folder)
  const rows = migrations.map(migration => rowOf(migration, applied))
  const known = new Set(migrations.map(({ when }) => String(when)))
  const missing = applied.filter(({ created_at }) => !known.has(created_at))
  return [...rows, ...missing.map(missingRow)]
}

async function appliedMigrations({ query }: Internals): Promise<Applied[]> {
  const { rows: found } = await query(`select to_regclass('drizzle.__drizzle_migrations') as name`)
  if (found[0].name === null) return []
  const { rows } = await query<Applied>(
    'select hash, created_at::text from drizzle.__drizzle_migrations order by id',
  )
  return rows
}

/** Returns the migrations in the order of the journal, then the files that are not in the journal. */
function readMigrations(folder: string): Migration[] {
  const journal = JSON.parse(readFileSync(join(folder, 'meta/_journal.json'), 'utf8')) as {
    entries: { tag: string; when: number }[]
  }
  const files = readdirSync(folder).filter(name => name.endsWith('.sql'))
  const unknown = files
    .map(name => name.slice(0, -'.sql'.length))
    .filter(tag => !journal.entries.some(entry => entry.tag === tag))
  const all = [...journal.entries, ...unknown.sort().map(tag => ({ tag, when: undefined }))]
  return all.map(({ tag, when }) => {
    const file = join(folder, `${tag}.sql`)
    return { tag, when, sql: existsSync(file) ? readFileSync(file, 'utf8') : '' }
  })
}

function rowOf({ tag, when, sql }: Migration, applied: readonly Applied[]): Row {
  const entry = applied.find(({ created_at }) => created_at === String(when))
  const isSame = entry !== undefined && hashesOf(sql).includes(entry.hash)
  const state: State = isSame ? 'pass' : 'fail'
  const mark = isSame ? '' : entry ? ' (edited after it was applied)' : ' (not applied)'
  const met = { is: 'a row with the SHA-256 of the file', met: isSame }
  const found = entry ? (isSame ? 'a row with its hash' : 'a row with another hash') : 'no row'
  return {
    id: tag,
    cells: [tag, `${describeMigration(sql)}${mark}`],
    state,
    evidence: [
      fact('drizzle.__drizzle_migrations', found, met),
      ...(sql === '' ? [] : [{ kind: 'source' as const, file: `${FOLDER}/${tag}.sql`, line: 1 }]),
    ],
  }
}

/** Drizzle's migrator hashes the bytes of a file, which differ in a checkout with CRLF line ends. */
function hashesOf(sql: string): string[] {
  const lf = sql.replaceAll('\r\n', '\n')
  return [sql, lf, lf.replaceAll('\n', '\r\n')].map(text => createHash('sha256').update(text).digest('hex'))
}

function missingRow({ created_at }: Applied): Row {
  return {
    id: `applied ${created_at}`,
    cells: [created_at, 'Applied, but its file is not in the folder (fails)'],
    state: 'fail',
    evidence: [fact('drizzle.__drizzle_migrations', `a row of ${created_at} without a file`)],
  }
}
