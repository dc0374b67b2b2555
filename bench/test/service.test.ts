/** The bench from end to end: database, service, seeded users, load, table, and nothing left behind. */
import { execFile } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { SERVICE_ID } from '../../src/config/service-name.ts'
import type { Result } from '../result/schema.ts'
import { loadOwnScenarios } from '../scenario.ts'

const cli = fileURLToPath(new URL('../cli.ts', import.meta.url))

it('measures the service, its CPU and its queries, and leaves nothing behind', {
  timeout: 230_000,
}, async () => {
  const outer = await mkdtemp(join(tmpdir(), 'bench-service-'))
  const json = join(outer, 'out.json')
  try {
    const scenarios = ['--scenario', 'refresh', '--scenario', 'put-user', '--connections', '4']
    const short = ['--rounds', '1', '--duration', '0.5', '--warmup', '0.2', '--json', json]
    const env = { ...process.env, TMPDIR: outer }
    const { stdout } = await promisify(execFile)(process.execPath, [cli, ...scenarios, ...short], { env })
    expect(stdout).toMatch(/^\| POST \/auth\/refresh \| .*ms \| .*ms \| .* rps \|$/m)
    const result = JSON.parse(await readFile(json, 'utf8')) as Result
    for (const { rounds } of result.scenarios) {
      expect(rounds[0]?.endpoints[0]).toMatchObject({ unexpected: 0 })
      expect(rounds[0]?.server?.cpuUsPerRequest).toBeGreaterThan(10)
      // Both are transactions: begin, at least two statements, commit.
      expect(rounds[0]?.server?.queriesPerRequest).toBeGreaterThan(3.5)
    }
    expect(result.environment).toHaveProperty('RATE_LIMIT_MAX')
    expect(result.fingerprint.machine.postgres).toMatch(/^\d+/)
    expect((await readdir(outer)).filter(name => name.startsWith(`${SERVICE_ID}-bench-`))).toEqual([])
  } finally {
    await rm(outer, { recursive: true, force: true })
  }
})

it('finds the scenarios in the folders of their modules, and mixes those that have a share', async () => {
  const folder = fileURLToPath(new URL('../scenarios/', import.meta.url))
  const files = (await readdir(folder, { recursive: true })).filter(file => file.endsWith('.ts'))
  const scenarios = await loadOwnScenarios()
  const names = scenarios.map(({ name }) => name)
  expect(names).toEqual([...files.map(file => basename(file, '.ts')), 'mix'].toSorted())
  const shares = scenarios.flatMap(({ endpoints, share }) =>
    endpoints.flatMap(({ name }) => (share === undefined ? [] : [[name, share]])),
  )
  const mix = scenarios.find(({ name }) => name === 'mix')
  expect(new Map(mix?.endpoints.map(({ name, weight }) => [name, weight]))).toEqual(
    new Map(shares as [string, number][]),
  )
})
