/** Commands without DATABASE_URL: they use the embedded database, whether or not a service runs it. */
import { mkdir, realpath, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { findServers } from '../../src/db/embedded-process.ts'
import { runCommand } from '../helpers/command.ts'
import { isAlive, place, placeWithData, query, spawnOwner, tidyAfterEach } from '../helpers/embedded.ts'

tidyAfterEach()

const environmentOf = (directory: string) => ({ NODE_ENV: 'development', DATA_DIR: dirname(directory) })

describe('a command without DATABASE_URL', () => {
  it('starts the embedded database, and stops it at its end', async () => {
    const directory = await placeWithData()
    const migrated = await runCommand('db-migrate', [], environmentOf(directory))
    expect(migrated).toEqual({
      code: 0,
      stderr: '',
      stdout: expect.stringMatching(/^Applied \d+ migrations?\.\n$/),
    })
    expect(await findServers(join(await realpath(directory), 'data'))).toEqual({
      postmasters: [],
      children: [],
    })
  })

  it('seeds it without a question', async () => {
    const directory = await placeWithData()
    expect(await runCommand('db-migrate', [], environmentOf(directory))).toMatchObject({ code: 0 })
    const seeded = await runCommand('db-seed', ['--users', '2'], environmentOf(directory))
    expect(seeded).toMatchObject({
      code: 0,
      stderr: '',
      stdout: expect.stringMatching(/^Seeded 2 of 2 users\./),
    })
  })

  it('uses the one that a service runs, and does not stop it', async () => {
    const directory = await placeWithData()
    const { url, pid } = await spawnOwner(directory)
    const result = await runCommand('db-migrate', [], environmentOf(directory))
    expect(result).toMatchObject({ code: 0, stderr: '' })
    expect(await query(url, 'select count(*)::int from users')).toEqual([{ count: 0 }])
    expect(await isAlive(pid)).toBe(true)
  })

  it('prints one line where it cannot start', async () => {
    const directory = await place()
    await mkdir(directory)
    await writeFile(join(directory, 'thesis.txt'), 'years')
    const result = await runCommand('db-migrate', [], environmentOf(directory))
    expect(result).toMatchObject({ code: 1, stdout: '' })
    expect(result.stderr).toMatch(/^[^\n]* is not empty and not a database[^\n]*\n$/)
  })
})
