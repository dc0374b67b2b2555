/** The migrations folder: makes one migration of all, and adds, takes out and writes those of a module. */
import { setTimeout as sleep } from 'node:timers/promises'
import { UserFacingError } from '../src/lib/user-facing-error.ts'
import type { Staging } from './staging.ts'

const FOLDER = 'drizzle'
const JOURNAL = `${FOLDER}/meta/_journal.json`
const BREAKPOINT = '--> statement-breakpoint'
const DRIZZLE_KIT = 'drizzle-kit/bin.cjs'

/** What drizzle-kit knows of, and writes anew from the tables. */
const GENERATED =
  /^(?:create|alter|drop)\s+(?:(?:unique\s+)?index|table|type|sequence|schema|(?:materialized\s+)?view|policy|role)\b/i
/** What changes rows: a new database has none. */
const ABOUT_ROWS = /^(?:update|delete)\b/i

type Journal = { entries: { idx: number; when: number; tag: string }[] }
type Snapshot = { id: string; prevId: string; tables: Record<string, unknown> }

/** Replaces all migrations by one that makes the same schema, without the tables that are gone. */
export async function squashMigrations(staging: Staging, gone: readonly string[]): Promise<void> {
  const statements = handWritten(staging, gone)
  staging.remove(FOLDER)
  const path = await generate(staging, ['--name=create_schema'])
  // Drizzle-kit ends the last statement with its own breakpoint or with nothing. On empty tables no index needs to wait.
  staging.edit(path, text => {
    const generated = text.replaceAll(/\bINDEX CONCURRENTLY\b/g, 'INDEX').trimEnd()
    return [generated, ...statements].join(`\n${BREAKPOINT}\n`)
  })
}

/** The longest wait for the clock to pass the newest migration, in milliseconds. */
const LONGEST_WAIT_MS = 5000

/**
 * Resolves when a new migration gets a number above all others: drizzle-kit numbers them by the second. Throws UserFacingError
 * where the newest one is of a later time than this machine's.
 */
export async function waitForNextNumber(
  paths: readonly string[],
  now: () => number = Date.now,
): Promise<void> {
  const numbers = paths.flatMap(path => /^drizzle\/(\d{14})_.*\.sql$/.exec(path)?.[1] ?? [])
  const newest = numbers.toSorted().at(-1)
  if (newest === undefined) return
  const [, date = '', time = ''] = /^(\d{8})(\d{6})$/.exec(newest) ?? []
  const text = `${date.replace(/(....)(..)(..)/, '$1-$2-$3')}T${time.replace(/(..)(..)(..)/, '$1:$2:$3')}Z`
  const wait = Date.parse(text) + 1000 - now()
  if (wait > LONGEST_WAIT_MS) {
    throw new UserFacingError(
      `The newest migration is of ${text}, which is later than this machine's clock says.`,
    )
  }
  if (wait > 0) await sleep(wait)
}

/** Writes the migration that the tables need, and returns its path. */
export async function generate(staging: Staging, args: readonly string[]): Promise<string> {
  const before = new Set(staging.list())
  await waitForNextNumber([...before])
  await staging.runPackage(DRIZZLE_KIT, ['generate', ...args])
  const added = staging.list().find(path => path.endsWith('.sql') && !before.has(path))
  if (added === undefined) throw new Error('drizzle-kit wrote no migration')
  return added
}

/**
 * Removes the migrations of a module whose tables are `tables`: those that no database may have applied are taken out
 * (`isDeployed` says which), and for the others a new one drops the tables.
 */
export async function removeMigrations(
  staging: Staging,
  {
    name,
    tables,
    isDeployed,
  }: { name: string; tables: readonly string[]; isDeployed: (path: string) => boolean },
): Promise<void> {
  if (tables.length === 0) return
  const keys = tables.map(table => `public.${table}`)
  const { entries } = readJournal(staging)
  const own = entries.filter(({ tag }) => changesOnly(staging, tag, keys))
  const touching = entries.filter(({ tag }) => changedTables(staging, tag).some(key => keys.includes(key)))
  const isSeparable = touching.every(entry => own.includes(entry))
  if (isSeparable && !own.some(({ tag }) => isDeployed(`${FOLDER}/${tag}.sql`))) takeOut(staging, own, keys)
  else await writeDrop(staging, name)
}

/** The statements that a person wrote: triggers, functions, rows. Of functions, those that something still uses. */
function handWritten(staging: Staging, gone: readonly string[]): string[] {
  const chunks = readJournal(staging).entries.flatMap(({ tag }) =>
    staging.read(`${FOLDER}/${tag}.sql`).split(BREAKPOINT).map(stripMarker),
  )
  const kept = chunks.filter(chunk => {
    const code = withoutComments(chunk)
    const isOfRemoved = gone.some(table => new RegExp(`\\b${table}\\b`).test(code))
    return code !== '' && !GENERATED.test(code) && !ABOUT_ROWS.test(code) && !isOfRemoved
  })
  const sources = staging.list().filter(path => path.startsWith('src/'))
  const texts = [...kept, ...sources.map(staging.read)]
  return kept.filter(chunk => {
    const [, name] = /^create\s+(?:or\s+replace\s+)?function\s+"?(\w+)/i.exec(withoutComments(chunk)) ?? []
    return name === undefined || texts.some(text => text !== chunk && text.includes(name))
  })
}

function stripMarker(chunk: string): string {
  return chunk.replaceAll(/^-- migrate: no-transaction\n/gm, '').trim()
}

function withoutComments(sql: string): string {
  return sql.replaceAll(/^\s*--.*$/gm, '').trim()
}

/** The tables, as snapshots name them, that a migration adds, changes or removes. */
function changedTables(staging: Staging, tag: string): string[] {
  const { entries } = readJournal(staging)
  const index = entries.findIndex(entry => entry.tag === tag)
  const after = readSnapshot(staging, tag).tables
  const before = index === 0 ? {} : readSnapshot(staging, entries[index - 1]?.tag ?? '').tables
  const keys = new Set([...Object.keys(before), ...Object.keys(after)])
  return [...keys].filter(key => JSON.stringify(before[key]) !== JSON.stringify(after[key]))
}

function changesOnly(staging: Staging, tag: string, keys: readonly string[]): boolean {
  const changed = changedTables(staging, tag)
  return changed.length > 0 && changed.every(key => keys.includes(key))
}

/** Removes migrations as if they had never been written: later snapshots follow the ones before. */
function takeOut(staging: Staging, own: Journal['entries'], keys: readonly string[]): void {
  const { entries } = readJournal(staging)
  let previous = ''
  for (const { tag } of entries) {
    const snapshot = readSnapshot(staging, tag)
    if (own.some(entry => entry.tag === tag)) {
      previous ||= snapshot.prevId
      staging.remove(`${FOLDER}/${tag}.sql`)
      staging.remove(snapshotPath(tag))
    } else if (previous !== '') {
      snapshot.prevId = previous
      for (const key of keys) delete snapshot.tables[key]
      staging.write(snapshotPath(tag), JSON.stringify(snapshot, null, 2))
      previous = snapshot.id
    }
  }
  staging.edit(JOURNAL, text => {
    const journal = JSON.parse(text) as Journal
    const kept = journal.entries.filter(entry => !own.some(({ tag }) => tag === entry.tag))
    return JSON.stringify({ ...journal, entries: kept.map((entry, idx) => ({ ...entry, idx })) }, null, 2)
  })
}

async function writeDrop(staging: Staging, name: string): Promise<void> {
  const path = await generate(staging, [`--name=drop_${name.replaceAll('-', '_')}`])
  const allowance = `-- migrate: allow drop-table: the module ${name} was removed; deploy the version without it first\n`
  staging.edit(path, text => text.replaceAll(/^(?=DROP TABLE)/gm, allowance))
}

function readJournal(staging: Staging): Journal {
  return JSON.parse(staging.read(JOURNAL)) as Journal
}

function readSnapshot(staging: Staging, tag: string): Snapshot {
  return JSON.parse(staging.read(snapshotPath(tag))) as Snapshot
}

function snapshotPath(tag: string): string {
  return `${FOLDER}/meta/${tag.split('_')[0]}_snapshot.json`
}
