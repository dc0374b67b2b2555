/** A copy that `init` made a service of its own: nothing has the old name, and everything works. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { SERVICE_NAME, SERVICE_TITLE } from '../../../src/config/service-name.ts'
import { migrate } from '../../../src/db/migrate.ts'
import { emptyDatabaseOfTest } from '../../../test/helpers/database.ts'
import { snapshotOf } from '../../../test/helpers/schema-snapshot.ts'
import { readModules } from '../../modules.ts'
import { type Copy, copyRepository, must, ROOT } from '../helpers/copy.ts'

const TIMEOUT_MS = 900_000

/** What is quick, and speaks of names, files, documents or the schema. `.ci/run` runs all tests of such a service. */
const TESTS = [
  'drift',
  'documents',
  'guarantees',
  'readme',
  'modules/accounts/weak-passwords',
  'config/',
  'lib/',
  'db/errors',
]

async function findName({ git }: Copy): Promise<string[]> {
  await git('add', '--all')
  const names = [SERVICE_NAME, SERVICE_TITLE].flatMap(name => ['-e', name])
  const found = await git('grep', '--cached', '-il', ...names).catch(() => '')
  return found.split('\n').filter(path => path !== '' && path !== 'LICENSE')
}

async function serves({ start }: Copy): Promise<void> {
  const { origin, stop } = await start()
  expect((await fetch(`${origin}/health/ready`)).status).toBe(200)
  const document = await (await fetch(`${origin}/openapi.json`)).json()
  expect(document).toMatchObject({ info: { title: 'Orders API' } })
  await stop()
}

async function passesItsTests({ npm }: Copy): Promise<void> {
  await must(npm('test', '--', ...TESTS.map(name => `test/${name}`)))
}

const removable = (await readModules(ROOT)).filter(({ isRequired }) => !isRequired).map(({ name }) => name)

describe.each([
  ['without bench and report', ['bench', 'report']],
  ['with everything kept', []],
  ['without all that can be removed', ['bench', 'report', 'template', ...removable]],
])('a service %s', (_, without) => {
  it(
    'has another name everywhere, installs from its lockfile, checks, starts and passes its tests',
    async () => {
      const copy = await copyRepository()
      const { stdout } = await must(
        copy.template('init', '--name', 'orders-api', '--without', without.join(), '--yes'),
      )
      expect(stdout).toContain('Orders API is ready. Next:\n')
      expect(await findName(copy)).toEqual([])

      await copy.install()
      await must(copy.npm('ls', '--all'))
      await must(copy.npm('run', 'check'))
      await serves(copy)
      await passesItsTests(copy)
      // What was added to the list of files is what a person would commit, and nothing is left to format.
      await copy.commit('feat: begin')
      await must(copy.npm('run', 'check'))
    },
    TIMEOUT_MS,
  )
})

describe('its migrations', () => {
  it(
    'are one, which makes the schema that all of the template made',
    async () => {
      const copy = await copyRepository()
      await must(copy.template('init', '--name', 'orders-api', '--yes'))
      const squashed = join(copy.folder, 'drizzle')
      expect(JSON.parse(readFileSync(join(squashed, 'meta/_journal.json'), 'utf8')).entries).toHaveLength(1)

      const [before, after] = [await emptyDatabaseOfTest(), await emptyDatabaseOfTest()]
      await migrate(before.url)
      await migrate(after.url, { directory: squashed })
      const schema = await snapshotOf(before)
      expect(schema.filter(line => line.startsWith('trigger ')).length).toBeGreaterThan(2)
      expect(schema.filter(line => line.startsWith('function ')).length).toBeGreaterThan(2)
      expect(await snapshotOf(after)).toEqual(schema)
    },
    TIMEOUT_MS,
  )
})

describe('a dry run', () => {
  it(
    'names what would be removed, and removes nothing',
    async () => {
      const copy = await copyRepository()
      const options = ['--name', 'orders-api', '--without', 'bench', '--dry-run', '--yes']
      const { stdout } = await must(copy.template('init', ...options))
      expect(stdout).toContain('remove  bench/cli.ts\n')
      expect(await copy.git('status', '--porcelain')).toBe('')
    },
    TIMEOUT_MS,
  )
})

describe('a second init', () => {
  it(
    'is refused',
    async () => {
      const copy = await copyRepository()
      await must(copy.template('init', '--name', 'orders-api', '--yes'))
      await copy.commit('feat: begin')
      const second = await copy.template('init', '--name', 'other-api', '--yes')
      expect(second).toMatchObject({
        code: 1,
        stderr: 'This repository is a service of its own already: orders-api.\n',
      })
      expect(await copy.git('status', '--porcelain')).toBe('')
    },
    TIMEOUT_MS,
  )
})
