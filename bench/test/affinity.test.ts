/** Cores for what is measured, and others for those who measure it. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { expect, it } from 'vitest'
import { parseCores, pin, splitCores } from '../service/affinity.ts'

it('reads lists of cores as the kernel writes them', () => {
  expect(parseCores('0-2,5')).toEqual([0, 1, 2, 5])
  expect(parseCores('3')).toEqual([3])
  for (const none of ['', 'all', '2-1']) expect(parseCores(none)).toEqual([])
})

it('halves the cores there are, and keeps a process and its children on their half', async () => {
  const cores = await splitCores()
  if (process.platform !== 'linux' || availableParallelism() < 2) return expect(cores).toBeUndefined()
  const { measured = '', others = '' } = cores ?? {}
  expect(parseCores(measured).length).toBeGreaterThan(0)
  expect(new Set(parseCores(`${measured},${others}`)).size).toBe(
    parseCores(measured).length + parseCores(others).length,
  )
  // A shell with a child of its own, as PostgreSQL has its helpers.
  const parent = spawn(
    'sh',
    ['-c', `"${process.execPath}" -e 'setInterval(() => {}, 1000)' & echo $!; wait`],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  )
  const [line] = await once(parent.stdout, 'data')
  const child = Number(line)
  try {
    expect(await pin(parent.pid ?? 0, measured)).toBe(true)
    for (const pid of [parent.pid, child]) {
      const status = readFileSync(`/proc/${pid}/status`, 'utf8')
      expect(parseCores(/^Cpus_allowed_list:\s*(\S+)$/m.exec(status)?.[1] ?? '')).toEqual(
        parseCores(measured),
      )
    }
    expect(await pin(parent.pid ?? 0, '99999')).toBe(false)
  } finally {
    process.kill(child, 'SIGKILL')
    parent.kill('SIGKILL')
  }
})
