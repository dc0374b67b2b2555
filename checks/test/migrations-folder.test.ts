/** P29: `npm run check` refuses migrations that would be skipped, come out of order, or were changed once committed. */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { cp, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, describe, expect, it, onTestFinished } from 'vitest'
import { inheritedEnvironment } from '../../harness/environment.ts'
import { SERVICE_ID } from '../../src/config/service-name.ts'
import type { TestMigration } from '../../test/helpers/migrations.ts'
import { ROOT } from '../../test/helpers/service.ts'
import {
  editJournal,
  migrationOf,
  snapshotPath,
  writeSnapshot,
  writeWithSnapshots,
} from '../../test/helpers/unsafe-migrations.ts'
import { checkMigrations } from '../migrations/check.ts'

const FIRST = migrationOf(1, 'first')
const SECOND = migrationOf(2, 'second')
const THIRD = migrationOf(3, 'third')

const IDENTITY = ['-c', 'user.name=Test', '-c', 'user.email=test@example.com']

type Checkout = Awaited<ReturnType<typeof createCheckout>>

/** A checkout with the migrations, not committed; it goes when the test ends. */
async function createCheckout(migrations: readonly TestMigration[] = [FIRST, SECOND]) {
  const root = await mkdtemp(join(tmpdir(), `${SERVICE_ID}-checks-`))
  onTestFinished(() => rm(root, { recursive: true, force: true }))
  return checkoutIn(root, migrations)
}

async function checkoutIn(root: string, migrations?: readonly TestMigration[]) {
  const drizzle = join(root, 'drizzle')
  if (migrations) await writeWithSnapshots(drizzle, migrations)
  const git = async (...args: string[]) => {
    const env = { ...inheritedEnvironment(), GIT_CONFIG_NOSYSTEM: '1', HOME: root }
    return (await promisify(execFile)('git', [...IDENTITY, ...args], { cwd: root, env })).stdout.trim()
  }
  return {
    root,
    drizzle,
    git,
    file: ({ tag }: TestMigration) => join(drizzle, `${tag}.sql`),
    async commit(message = 'a commit') {
      if (!existsSync(join(root, '.git'))) await git('init', '--quiet', '--initial-branch', 'main')
      await git('add', '--all', '.')
      await git('commit', '--quiet', '--allow-empty', '--message', message)
    },
    /** Adds a migration, with a snapshot that follows the last one unless told otherwise. */
    async add(migration: TestMigration, prevId?: string) {
      await writeFile(join(drizzle, `${migration.tag}.sql`), migration.sql)
      let last = ''
      await editJournal(drizzle, entries => {
        last = entries.at(-1)?.tag ?? ''
        entries.push({
          ...entries[0],
          idx: entries.length,
          when: migration.when,
          tag: migration.tag,
        } as never)
      })
      const { id } = JSON.parse(await readFile(snapshotPath(drizzle, last), 'utf8'))
      return writeSnapshot(drizzle, migration, prevId ?? id)
    },
    async problems(base?: string) {
      const { problems } = await checkMigrations(root, base)
      return problems.map(({ place, what, remedy }) => `${place}: ${what} ${remedy}`)
    },
    notes: async (base?: string) => (await checkMigrations(root, base)).notes.join('\n'),
  }
}

/** Checkouts by what is committed in them: made once and then copied, since git takes a process for each step. */
const templates = new Map<string, string>()
afterAll(async () => {
  for (const root of templates.values()) await rm(root, { recursive: true, force: true })
})

/** A checkout whose migrations are on main, on a branch of its own. */
async function createBranch(migrations: readonly TestMigration[] = [FIRST, SECOND]): Promise<Checkout> {
  const key = JSON.stringify(migrations)
  const template = templates.get(key) ?? (await mkdtemp(join(tmpdir(), `${SERVICE_ID}-checks-`)))
  if (!templates.has(key)) {
    templates.set(key, template)
    const checkout = await checkoutIn(template, migrations)
    await checkout.commit()
    await checkout.git('checkout', '--quiet', '-b', 'feature')
  }
  const root = await mkdtemp(join(tmpdir(), `${SERVICE_ID}-checks-`))
  onTestFinished(() => rm(root, { recursive: true, force: true }))
  await cp(template, root, { recursive: true })
  return checkoutIn(root)
}

describe('P29: the folder by itself', () => {
  it('is in order as drizzle-kit writes it, and as it is here', async () => {
    expect(await (await createCheckout([FIRST, SECOND, THIRD])).problems()).toEqual([])
    expect((await checkMigrations(ROOT)).problems).toEqual([])
  })

  it('is refused where a later entry has an earlier time, or the same one', async () => {
    for (const when of [FIRST.when - 1, FIRST.when]) {
      const checkout = await createCheckout()
      await editJournal(checkout.drizzle, entries => Object.assign(entries[1] ?? {}, { when }))
      const problems = await checkout.problems()
      expect(problems.join('\n')).toContain(`${SECOND.tag} comes after ${FIRST.tag}`)
      expect(problems.join('\n')).toContain('npm run db:generate -- --name second')
    }
  })

  it('is refused where the entries are numbered otherwise', async () => {
    const checkout = await createCheckout()
    await editJournal(checkout.drizzle, entries => Object.assign(entries[1] ?? {}, { idx: 0 }))
    expect(await checkout.problems()).toEqual([expect.stringContaining('has the idx 0, and its place is 1')])
  })

  it.each<[string, (checkout: Checkout) => Promise<unknown>, string]>([
    ['a file is missing', ({ file }) => rm(file(FIRST)), `${FIRST.tag}.sql is in the journal but not`],
    ['a file has no entry', ({ drizzle }) => writeFile(join(drizzle, 'x.sql'), ''), 'x.sql has no entry'],
    ['one has, in capitals', ({ drizzle }) => writeFile(join(drizzle, 'x.SQL'), ''), 'x.SQL has no entry'],
    [
      'a file is in another encoding',
      ({ file }) => writeFile(file(FIRST), Buffer.from("select 'größer'", 'latin1')),
      `drizzle/${FIRST.tag}.sql:1: It has a character that is not UTF-8`,
    ],
    [
      'a file is in UTF-16',
      ({ file }) => writeFile(file(FIRST), Buffer.from('\uFEFFselect 1', 'utf16le')),
      `drizzle/${FIRST.tag}.sql:1: PostgreSQL cannot parse it: it has a NUL character`,
    ],
    [
      'an entry is there twice',
      c => editJournal(c.drizzle, e => e.push(e[1] as never)),
      `${SECOND.tag} is twice`,
    ],
    [
      'a snapshot is missing',
      ({ drizzle }) => rm(snapshotPath(drizzle, SECOND.tag)),
      `The snapshot of ${SECOND.tag} is missing`,
    ],
    [
      'a snapshot has conflict markers',
      ({ drizzle }) =>
        writeFile(snapshotPath(drizzle, SECOND.tag), '<<<<<<< ours\n{}\n=======\n>>>>>>> theirs'),
      'has merge conflict markers',
    ],
    [
      'a snapshot is no JSON',
      ({ drizzle }) => writeFile(snapshotPath(drizzle, FIRST.tag), '{'),
      `The snapshot of ${FIRST.tag} is no JSON`,
    ],
    [
      'a snapshot belongs to nothing',
      ({ drizzle }) => writeSnapshot(drizzle, THIRD),
      'No migration in the journal has this snapshot',
    ],
    [
      'a snapshot follows nothing that is there',
      ({ drizzle }) => writeSnapshot(drizzle, SECOND, crypto.randomUUID()),
      `The snapshot of ${SECOND.tag} does not follow that of ${FIRST.tag}`,
    ],
    [
      'the first snapshot follows something',
      ({ drizzle }) => writeSnapshot(drizzle, FIRST, crypto.randomUUID()),
      `The snapshot of ${FIRST.tag} does not follow that of an empty schema`,
    ],
  ])('is refused where %s', async (_what, change, message) => {
    const checkout = await createCheckout()
    await change(checkout)
    expect((await checkout.problems()).join('\n')).toContain(message)
  })

  it.each([
    ['<<<<<<< ours', 'has merge conflict markers'],
    ['[]', 'is not a journal'],
    ['{"entries":[null]}', 'is not a journal'],
    ['{"entries":[{"idx":0,"when":1}]}', 'is not a journal'],
    ['{"entries":[{"idx":0,"when":1,"tag":5}]}', 'is not a journal'],
  ])('is refused where its journal is %j', async (text, message) => {
    const checkout = await createCheckout()
    await writeFile(join(checkout.drizzle, 'meta/_journal.json'), text)
    await expect(checkout.problems()).rejects.toThrow(message)
  })
})

describe('P29: two branches that each generated a migration', () => {
  it('are told which two collide, which one is made anew, and by which commands', async () => {
    const checkout = await createBranch()
    const { id } = JSON.parse(await readFile(snapshotPath(checkout.drizzle, FIRST.tag), 'utf8'))
    await checkout.add(THIRD, id)
    const [problem = '', ...others] = await checkout.problems()
    expect(others).toEqual([])
    expect(problem).toMatch(`drizzle/${THIRD.tag}.sql: It collides with ${SECOND.tag}`)
    const [number] = THIRD.tag.split('_')
    for (const part of [
      `drizzle/${THIRD.tag}.sql`,
      `drizzle/meta/${number}_snapshot.json`,
      'drizzle/meta/_journal.json',
    ])
      expect(problem).toContain(part)
    expect(problem).toContain('npm run db:generate -- --name third')
  })

  it('make the one anew that main does not have, also where it is the earlier one', async () => {
    const checkout = await createBranch([FIRST, THIRD])
    const { id } = JSON.parse(await readFile(snapshotPath(checkout.drizzle, FIRST.tag), 'utf8'))
    await checkout.add(SECOND, id)
    await editJournal(checkout.drizzle, entries => {
      entries.sort((a, b) => a.when - b.when)
      for (const [index, entry] of entries.entries()) entry.idx = index
    })
    const problems = await checkout.problems()
    expect(
      problems.some(text => text.startsWith(`drizzle/${SECOND.tag}.sql: It collides with ${THIRD.tag}`)),
    ).toBe(true)
    // By itself such a journal is in order; where main is deployed, the second would come after the third.
    expect(
      problems.some(text => text.includes('Where that one is deployed, this one would come out of order')),
    ).toBe(true)
  })

  it('share a snapshot where both did so in the same second', async () => {
    const twin = { ...SECOND, tag: SECOND.tag.replace('second', 'twin'), when: SECOND.when + 400 }
    const checkout = await createCheckout([FIRST, SECOND, twin])
    expect((await checkout.problems()).join('\n')).toContain(
      `${SECOND.tag} and ${twin.tag} begin with the same number`,
    )
  })
})

const CHANGES: [string, (checkout: Checkout) => Promise<unknown>, string][] = [
  ['edited', ({ file }) => writeFile(file(FIRST), 'select 2'), `drizzle/${FIRST.tag}.sql: It was edited`],
  ['emptied', ({ file }) => writeFile(file(SECOND), ''), `drizzle/${SECOND.tag}.sql: It was edited`],
  [
    'given another comment',
    ({ file }) => writeFile(file(SECOND), '-- why\nselect 1'),
    `drizzle/${SECOND.tag}.sql: It was edited`,
  ],
  [
    'renamed, with its entry',
    async ({ drizzle, file }) => {
      const tag = SECOND.tag.replace('second', 'other')
      await rename(file(SECOND), join(drizzle, `${tag}.sql`))
      await editJournal(drizzle, entries => Object.assign(entries[1] ?? {}, { tag }))
    },
    `drizzle/${SECOND.tag}.sql: It was renamed to ${SECOND.tag.replace('second', 'other')}.sql`,
  ],
  [
    'removed, with its entry and snapshot',
    async ({ drizzle, file }) => {
      await rm(file(SECOND))
      await rm(snapshotPath(drizzle, SECOND.tag))
      await editJournal(drizzle, entries => entries.pop())
    },
    `drizzle/${SECOND.tag}.sql: It was removed`,
  ],
  [
    'given another time',
    ({ drizzle }) =>
      editJournal(drizzle, entries => Object.assign(entries[1] ?? {}, { when: SECOND.when + 1 })),
    `The entry of ${SECOND.tag} was given another time`,
  ],
]

describe('P29: a migration that is committed', () => {
  /** SQL that differs: one that has the text of another is not told from it by a rename. */
  const files = [{ ...FIRST, sql: 'select 10' }, SECOND]

  it.each(CHANGES)('is refused where it was %s in the working tree', async (_what, change, message) => {
    const checkout = await createBranch(files)
    await change(checkout)
    expect((await checkout.problems()).join('\n')).toContain(message)
  })

  it.each(CHANGES)('is refused where it was %s in a commit of a branch', async (_what, change, message) => {
    const checkout = await createBranch(files)
    await change(checkout)
    await checkout.commit()
    expect((await checkout.problems()).join('\n')).toContain(message)
  })

  it.each(CHANGES)('is refused where it was %s on main, some commits ago', async (_what, change, message) => {
    const checkout = await createBranch(files)
    await checkout.git('checkout', '--quiet', 'main')
    await change(checkout)
    await checkout.commit('change')
    await checkout.commit('another')
    expect((await checkout.problems()).join('\n')).toContain(message.replace(/renamed.*/, 'removed'))
  })

  it('may be edited on the branch that added it, and merged', async () => {
    const checkout = await createBranch(files)
    await checkout.add(THIRD)
    await checkout.commit()
    await writeFile(checkout.file(THIRD), 'select 3')
    await checkout.commit('edit')
    expect(await checkout.problems()).toEqual([])
    await checkout.git('checkout', '--quiet', 'main')
    await checkout.git('merge', '--quiet', '--no-ff', '--message', 'merge', 'feature')
    expect(await checkout.problems()).toEqual([])
  })

  it('is as it was where its edit was undone, or where only its line ends differ', async () => {
    const checkout = await createCheckout([{ ...FIRST, sql: 'select\n 1' }, SECOND])
    await checkout.commit()
    await writeFile(checkout.file(FIRST), 'select 2')
    await checkout.commit('edit')
    await writeFile(checkout.file(FIRST), 'select\r\n 1')
    await checkout.commit('undo')
    expect(await checkout.problems()).toEqual([])
  })
})

describe('P29: a new migration', () => {
  it('may follow those of main', async () => {
    const checkout = await createBranch()
    await checkout.add(THIRD)
    expect(await checkout.problems()).toEqual([])
    await checkout.commit()
    expect(await checkout.problems()).toEqual([])
  })

  it('is refused where main has a later one meanwhile, before it is merged', async () => {
    const checkout = await createBranch()
    await checkout.git('checkout', '--quiet', 'main')
    await checkout.add(migrationOf(4, 'fourth'))
    await checkout.commit()
    await checkout.git('checkout', '--quiet', 'feature')
    expect(await checkout.problems()).toEqual([])
    await checkout.add(THIRD)
    expect(await checkout.problems()).toEqual([
      expect.stringContaining(
        'its time in drizzle/meta/_journal.json is not after the newest migration of main',
      ),
    ])
  })
})

describe('the base', () => {
  it('is the default branch of origin where there is one, and what --base names', async () => {
    const upstream = await createBranch()
    await upstream.git('checkout', '--quiet', 'main')
    const root = join(upstream.root, 'clone')
    await upstream.git('clone', '--quiet', '--no-local', upstream.root, root)
    const clone = await checkoutIn(root)
    await writeFile(clone.file(FIRST), 'select 2')
    await clone.git('commit', '--quiet', '--all', '--message', 'edit')
    expect(await clone.problems()).toHaveLength(1)
    expect(await clone.notes()).toMatch(/Compared with [0-9a-f]{12} \(origin\/HEAD\)/)
    expect(await clone.notes('main')).toMatch(/Compared with [0-9a-f]{12} \(main\)/)
    await expect(clone.problems('nowhere')).rejects.toThrow('--base nowhere')
  })

  it('is said to be missing where there is no git, or the clone is shallow', async () => {
    const checkout = await createCheckout()
    expect(await checkout.notes()).toContain('Not checked: whether a migration was edited')
    await checkout.commit()
    await checkout.commit('another')
    expect(await checkout.notes()).not.toContain('Not checked')
    const root = join(checkout.root, 'clone')
    await checkout.git('clone', '--quiet', '--depth', '1', `file://${checkout.root}`, root)
    expect(await (await checkoutIn(root)).notes()).toContain('since the clone is shallow')
  })

  it('may be above the folder of the service', async () => {
    const outer = await createCheckout([])
    const root = join(outer.root, 'services/one')
    await mkdir(root, { recursive: true })
    const inner = await checkoutIn(root, [FIRST, SECOND])
    await outer.commit()
    await writeFile(inner.file(FIRST), 'select 2')
    expect(await inner.problems()).toEqual([expect.stringContaining('It was edited')])
    await outer.commit('edit')
    expect(await inner.problems()).toEqual([expect.stringContaining('It was edited')])
  })
})
