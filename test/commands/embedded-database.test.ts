/** Commands where no DATABASE_URL is set: they work on the embedded database, whether or not a service runs it. */
import { mkdir, realpath, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { findServers } from '../../src/db/embedded-process.ts'
import { runCommand } from '../helpers/command.ts'
import { isAlive, place, placeWithData, spawnOwner, tidyAfterEach } from '../helpers/embedded.ts'

tidyAfterEach()

/** Prints the address that it was given. */
const PRINT = [process.execPath, '-e', 'process.stdout.write(process.env.DATABASE_URL)']

const environmentOf = (directory: string) => ({ NODE_ENV: 'development', DATA_DIR: dirname(directory) })

describe('a command without DATABASE_URL', () => {
  it('starts the embedded database for its own time', async () => {
    const directory = await placeWithData()
    const migrated = await runCommand('db-migrate', [], environmentOf(directory))
    expect(migrated).toEqual({
      ...{ code: 0, stderr: '' },
      stdout: expect.stringMatching(/^Applied \d+ migrations?\.\n$/),
    })
    expect(await findServers(join(await realpath(directory), 'data'))).toEqual({
      postmasters: [],
      children: [],
    })
  })

  it('shares the one that a service runs, and leaves it running', async () => {
    const directory = await placeWithData()
    const { url, pid } = await spawnOwner(directory)
    const result = await runCommand('with-database', PRINT, environmentOf(directory))
    expect(result).toEqual({ code: 0, stdout: url, stderr: '' })
    expect(await isAlive(pid)).toBe(true)
  })

  it('says in one line why there is none', async () => {
    const directory = await place()
    await mkdir(directory)
    await writeFile(join(directory, 'thesis.txt'), 'years')
    const result = await runCommand('db-migrate', [], environmentOf(directory))
    expect(result).toMatchObject({ code: 1, stdout: '' })
    expect(result.stderr).toMatch(/^[^\n]* is not empty and not a database[^\n]*\n$/)
  })
})

describe('another program with the database', () => {
  const DATABASE_URL = 'postgres://somebody@127.0.0.1:1/some'
  const end = (code: string) => runCommand('with-database', [process.execPath, '-e', code], { DATABASE_URL })

  it('gets the address, and its exit code is passed on', async () => {
    expect(await runCommand('with-database', PRINT, { DATABASE_URL })).toMatchObject({
      ...{ code: 0, stdout: DATABASE_URL },
    })
    expect((await end('process.exit(3)')).code).toBe(3)
    expect((await end("process.kill(process.pid, 'SIGKILL')")).code).toBe(1)
  })

  it('has to be named', async () => {
    const result = await runCommand('with-database', [], { DATABASE_URL })
    expect(result).toMatchObject({ code: 1, stdout: '', stderr: expect.stringMatching(/^Usage: [^\n]+\n$/) })
  })
})
