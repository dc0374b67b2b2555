/** Cores for what is measured, and others for those who measure it. */
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { expect, it } from 'vitest'
import { parseCores, pin, splitCores } from '../../bench/service/affinity.ts'

it('reads lists of cores as the kernel writes them', () => {
  expect(parseCores('0-2,5')).toEqual([0, 1, 2, 5])
  expect(parseCores('3')).toEqual([3])
  for (const none of ['', 'all', '2-1']) expect(parseCores(none)).toEqual([])
})

it('halves the cores there are, and keeps a process on its half', async () => {
  const cores = await splitCores()
  if (process.platform !== 'linux' || availableParallelism() < 2) return expect(cores).toBeUndefined()
  const { measured = '', others = '' } = cores ?? {}
  expect(parseCores(measured).length).toBeGreaterThan(0)
  expect(new Set(parseCores(`${measured},${others}`)).size).toBe(
    parseCores(measured).length + parseCores(others).length,
  )
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'])
  try {
    expect(await pin(child.pid ?? 0, measured)).toBe(true)
    const status = readFileSync(`/proc/${child.pid}/status`, 'utf8')
    expect(parseCores(/^Cpus_allowed_list:\s*(\S+)$/m.exec(status)?.[1] ?? '')).toEqual(parseCores(measured))
    expect(await pin(child.pid ?? 0, '99999')).toBe(false)
  } finally {
    child.kill('SIGKILL')
  }
})
