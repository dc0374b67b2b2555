/** Who owns the folder of an embedded server, and what becomes of a record that nobody alive has written. */
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

it('is whoever claimed it, until it is given up', async () => {
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
  ['of another process that has got the pid', JSON.stringify({ pid: process.pid, startTime: '1' })],
])('is nobody where the record is %s', async (_what, record) => {
  await writeFile(join(folder, 'owner.json'), record)
  expect(await hasLiveOwner(folder)).toBe(false)
  await (await claimFolder(folder, folder))()
  expect(await readdir(folder)).toEqual([])
})

it('has no servers where there are no data', async () => {
  const data = join(folder, 'data')
  expect(await findServers(data)).toEqual({ postmasters: [], children: [] })
  expect(await stopServers(data)).toEqual([])
})
