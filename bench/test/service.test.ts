/** The whole chain once: database, service, seeded users, load, table, and everything gone again. */
import { execFile } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
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

it('has a scenario for each endpoint of the report, and a mix of all', async () => {
  const scenarios = await loadOwnScenarios()
  const names = scenarios
    .filter(({ name }) => name !== 'mix')
    .flatMap(({ endpoints }) => endpoints.map(one => one.name))
  expect(names.toSorted()).toEqual([
    'GET /users',
    'GET /users/:id',
    'GET /users/me',
    'POST /auth/login',
    'POST /auth/refresh',
    'PUT /users/:id',
  ])
  const mix = scenarios.find(({ name }) => name === 'mix')
  expect(mix?.endpoints.map(({ name }) => name).toSorted()).toEqual(names.toSorted())
})
