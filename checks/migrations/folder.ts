/** Checks the migrations folder by itself: the order of the journal, and the chain of the snapshots. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { type Entry, regenerate } from './history.ts'
import type { Problem } from './problem.ts'

type Snapshot = { file: string; tag: string; id: string; prevId: string }

/** What drizzle-kit gives the first snapshot for its predecessor. */
const ORIGIN = '00000000-0000-0000-0000-000000000000'

export type JournalEntry = Entry & { idx: number }

/**
 * Returns what is wrong with the order of the journal and with the snapshots. `isCommitted` says of a tag whether the
 * base has it: of two that collide, the other one is made anew.
 */
export function checkFolder(
  directory: string,
  entries: readonly JournalEntry[],
  isCommitted: (tag: string) => boolean,
): Problem[] {
  const folder = basename(directory)
  const { snapshots, problems } = readSnapshots(directory, entries)
  return [
    ...checkOrder(folder, entries),
    ...problems,
    ...(problems.length > 0 ? [] : checkChain(folder, snapshots, isCommitted)),
  ]
}

function checkOrder(folder: string, entries: readonly JournalEntry[]): Problem[] {
  const place = `${folder}/meta/_journal.json`
  return entries.flatMap(({ idx, tag, when }, index) => {
    const before = entries[index - 1]
    if (before && when <= before.when) {
      const what = `${tag} comes after ${before.tag}, but its time is not later. Migrations are applied in the order of the times; a database that has applied the later one would skip it, or refuse it.`
      return [{ place, what, remedy: regenerate(folder, tag) }]
    }
    if (idx === index) return []
    const what = `${tag} has the idx ${idx}, and its place is ${index}.`
    return [{ place, what, remedy: `Number the entries from 0, in the order of their times.` }]
  })
}

function readSnapshots(directory: string, entries: readonly JournalEntry[]) {
  const folder = basename(directory)
  const problems: Problem[] = []
  const snapshots: Snapshot[] = []
  const owners = new Map<string, string>()
  for (const { tag } of entries) {
    const name = `${tag.split('_')[0]}_snapshot.json`
    const file = `${folder}/meta/${name}`
    const owner = owners.get(name)
    owners.set(name, tag)
    if (owner !== undefined) {
      const what = `${owner} and ${tag} begin with the same number, and so share this snapshot: only one of them is in it.`
      problems.push({ place: file, what, remedy: regenerate(folder, tag) })
      continue
    }
    const snapshot = readSnapshot(join(directory, 'meta', name))
    if (typeof snapshot === 'string') problems.push(unreadable(file, tag, snapshot))
    else snapshots.push({ file, tag, ...snapshot })
  }
  const strays = readdirSync(join(directory, 'meta'))
    .filter(name => name.endsWith('_snapshot.json') && !owners.has(name))
    .map(name => ({
      place: `${folder}/meta/${name}`,
      what: 'No migration in the journal has this snapshot.',
      remedy: 'Remove it, or restore the migration and its entry in the journal.',
    }))
  return { snapshots, problems: [...problems, ...strays] }
}

function readSnapshot(path: string): { id: string; prevId: string } | string {
  if (!existsSync(path)) return 'is missing'
  const text = readFileSync(path, 'utf8')
  if (/^[<>=]{7}/m.test(text)) return 'has merge conflict markers'
  try {
    const { id, prevId } = JSON.parse(text)
    return typeof id === 'string' && typeof prevId === 'string' ? { id, prevId } : 'has no id or prevId'
  } catch {
    return 'is no JSON'
  }
}

function unreadable(file: string, tag: string, what: string): Problem {
  return {
    place: file,
    what: `The snapshot of ${tag} ${what}. The next \`npm run db:generate\` would compare with another schema.`,
    remedy: 'Restore it from version control; after a merge, make the migration of the later branch anew.',
  }
}

/** Each snapshot follows the one before. Two that follow the same one come from two branches. */
function checkChain(
  folder: string,
  snapshots: readonly Snapshot[],
  isCommitted: (tag: string) => boolean,
): Problem[] {
  return snapshots.flatMap((snapshot, index) => {
    const { file: place, tag, id, prevId } = snapshot
    const earlier = snapshots.slice(0, index)
    if (earlier.some(other => other.id === id)) {
      return [{ place, what: `Another snapshot has its id, ${id}.`, remedy: regenerate(folder, tag) }]
    }
    const rival = earlier.find(other => other.prevId === prevId)
    if (rival) return [collision(folder, rival, snapshot, isCommitted)]
    const expected = earlier.at(-1)
    if (prevId === (expected?.id ?? ORIGIN)) return []
    // The branch's own second migration follows its first, which is named already.
    if (earlier.some(other => other.id === prevId) && hasCollision(earlier)) return []
    const what = `The snapshot of ${tag} does not follow that of ${expected?.tag ?? 'an empty schema'}: its prevId is ${prevId}, not ${expected?.id ?? ORIGIN}.`
    return [{ place, what, remedy: regenerate(folder, tag) }]
  })
}

function hasCollision(snapshots: readonly Snapshot[]): boolean {
  return new Set(snapshots.map(({ prevId }) => prevId)).size < snapshots.length
}

function collision(
  folder: string,
  first: Snapshot,
  second: Snapshot,
  isCommitted: (tag: string) => boolean,
): Problem {
  const isSecondFixed = isCommitted(second.tag) && !isCommitted(first.tag)
  const [kept, anew] = isSecondFixed ? [second, first] : [first, second]
  return {
    place: `${folder}/${anew.tag}.sql`,
    what: `It collides with ${kept.tag}: two branches have generated them from the same schema, so that neither snapshot has the changes of the other, and the next \`npm run db:generate\` would undo one of them.`,
    remedy: regenerate(folder, anew.tag),
  }
}
