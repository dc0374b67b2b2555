/** The owner of an embedded server's folder, and records of owners that have ended. */
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, expect, it, onTestFinished } from 'vitest'
import { SERVICE_ID } from '../../src/config/service-name.ts'
import { claimFolder, findServers, hasLiveOwner, stopServers } from '../../src/db/embedded-process.ts'

let folder: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), `${SERVICE_ID}-owner-`))
  onTestFinished(() => rm(folder, { recursive: true }))
})

it('is the process that claimed it, until it releases the folder', async () => {
  const release = await claimFolder(folder, folder)
  expect(await hasLiveOwner(folder)).toBe(true)
  await expect(claimFolder(folder, folder)).rejects.toThrow(`already served by process ${process.pid}`)
  await release()
  expect(await hasLiveOwner(folder)).toBe(false)
  await (await claimFolder(folder, folder))()
  expect(await readdir(folder)).toEqual([])
})

it.each([
  ['no JSON', 'owner'],
  ['JSON of another kind', '{"pid":"1"}'],
  ['of a process that has ended', '{"pid":4194305,"startTime":"1"}'],
  ['of a process whose pid another one has now', JSON.stringify({ pid: process.pid, startTime: '1' })],
])('is no process where the record is %s', async (_what, record) => {
  await writeFile(join(folder, 'owner.json'), record)
  expect(await hasLiveOwner(folder)).toBe(false)
  await (await claimFolder(folder, folder))()
  expect(await readdir(folder)).toEqual([])
})

it('has no servers where there is no data', async () => {
  const data = join(folder, 'data')
  expect(await findServers(data)).toEqual({ postmasters: [], children: [] })
  expect(await stopServers(data)).toEqual([])
})
