/** Modules that `new` makes and `remove` takes away, in copies of the repository. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { readModules } from '../../modules.ts'
import { formsOf } from '../../names.ts'
import { isText } from '../../places.ts'
import { removeMarkers } from '../../prune.ts'
import { type Copy, copyRepository, must, ROOT } from '../helpers/copy.ts'

const TIMEOUT_MS = 900_000

const SETS: [name: string, fields: string | undefined][] = [
  ['samples', undefined],
  ['purchase-samples', 'title:text,total:integer,dueAt:timestamp?'],
  ['items', 'isDone:boolean,ownerRef:uuid,note:text?,notes:integer?,at:timestamp,flag:boolean?,ref:uuid?'],
]

/** The tests over all routes, and those of documents and modules. */
const TESTS = ['drift', 'documents', 'authorization', 'bad-text', 'fuzz', 'http/openapi']

async function onBranch(): Promise<Copy> {
  const copy = await copyRepository()
  await copy.git('switch', '--quiet', '--create', 'feature')
  return copy
}

describe('modules that were made from the example', () => {
  it(
    'pass the check and the tests without an edit, and are gone without a trace',
    async () => {
      const copy = await onBranch()
      const trees = [await copy.tree()]
      for (const [name, fields] of SETS) {
        await must(copy.template('new', name, '--yes', ...(fields ? ['--fields', fields] : [])))
        await copy.commit(`feat(${name}): begin`)
        trees.push(await copy.tree())
      }
      await must(copy.npm('run', 'check'))
      const own = SETS.map(([name]) => `test/modules/${name}/`)
      await must(copy.npm('test', '--', ...own, ...TESTS.map(name => `test/${name}`)))

      // In another order than they came: a later migration then follows an earlier one.
      for (const [name] of [SETS[1], SETS[2], SETS[0]].filter(set => set !== undefined)) {
        await must(copy.template('remove', name))
        await copy.commit(`feat(${name}): end`)
        await must(copy.npm('run', 'check'))
      }
      expect(await copy.tree()).toBe(trees[0])
    },
    TIMEOUT_MS,
  )

  it.each(SETS)(
    '%s: new and remove leave every byte as it was',
    async (name, fields) => {
      const copy = await onBranch()
      const before = await copy.tree()
      await must(copy.template('new', name, '--yes', ...(fields ? ['--fields', fields] : [])))
      await copy.commit('new')
      expect(await copy.tree()).not.toBe(before)
      await must(copy.template('remove', name))
      await copy.commit('remove')
      expect(await copy.tree()).toBe(before)
    },
    TIMEOUT_MS,
  )
})

const modules = await readModules(ROOT)
const isNeeded = (name: string) => modules.some(({ needs }) => needs?.includes(name))
const removable = modules
  .filter(({ name, isRequired }) => !isRequired && !isNeeded(name))
  .map(({ name }) => name)
const required = modules.filter(({ isRequired }) => isRequired).map(({ name }) => name)

async function works(copy: Copy): Promise<void> {
  await must(copy.npm('run', 'check'))
  const { origin, stop } = await copy.start()
  expect((await fetch(`${origin}/health/ready`)).status).toBe(200)
  await stop()
  await must(copy.npm('test', '--', ...TESTS.map(name => `test/${name}`)))
}

describe('a service without a module', () => {
  it.each(removable)(
    '%s: checks, starts and passes the tests that are left',
    async name => {
      const copy = await copyRepository()
      await must(copy.template('remove', name))
      expect(await copy.git('ls-files', '--others', '--exclude-standard', 'drizzle/*.sql')).toMatch(
        new RegExp(`_drop_${formsOf(name).snake}\\.sql$`),
      )
      await works(copy)
    },
    TIMEOUT_MS,
  )

  it(
    'and without all of them too',
    async () => {
      const copy = await copyRepository()
      for (const name of removable) {
        await must(copy.template('remove', name))
        await copy.commit(`remove ${name}`)
      }
      await works(copy)
      // The example is kept as text, for `new`.
      await must(copy.template('new', 'samples', '--fields', 'title:text', '--yes'))
      await must(copy.npm('run', 'check'))
    },
    TIMEOUT_MS,
  )

  it(
    'this tool takes its markers with it, which only it reads',
    async () => {
      const copy = await copyRepository()
      await must(copy.template('remove', 'template'))
      await copy.commit('remove template')
      const files = (await copy.git('ls-files')).split('\n').filter(isText)
      const marked = files.filter(path => {
        const text = readFileSync(join(copy.folder, path), 'utf8')
        return removeMarkers(text) !== text
      })
      expect(marked).toEqual([])
    },
    TIMEOUT_MS,
  )

  it(
    'cannot be without those that it needs',
    async () => {
      const copy = await copyRepository()
      for (const name of required) {
        const refused = await copy.template('remove', name)
        expect(refused.code).toBe(1)
        expect(refused.stderr).toBe(`${name} cannot be removed: the service does not work without it.\n`)
      }
      expect(required).toEqual(['accounts', 'sessions', 'users', 'audit'])
      expect(await copy.git('status', '--porcelain')).toBe('')
      const { stdout } = await must(copy.template('list'))
      for (const name of [...required, ...removable, 'template']) {
        expect(stdout).toMatch(new RegExp(`^${name} `, 'm'))
      }
    },
    TIMEOUT_MS,
  )
})
