/** `ab` on two versions that are the same, each in new processes. */
import { readdir, readFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { SERVICE_ID } from '../../src/config/service-name.ts'
import type { Result, ScenarioResult } from '../result/schema.ts'
import { createCli } from './helpers/cli.ts'

const { folder, run: bench, remove } = createCli()
afterAll(remove)

it('measures both in turns on each pair of processes, compares them, and leaves nothing behind', async () => {
  const json = join(folder, 'out.json')
  const load = ['--scenario', 'get-user', '--scenario', 'refresh', '--connections', '4']
  const short = ['--forks', '3', '--rounds', '2', '--duration', '0.2', '--warmup', '0.2']
  // Beside other tests each round is disturbed.
  const undisturbed = ['--busy-limit', '100%']
  const ended = await bench('ab', '--noise', ...load, ...short, ...undisturbed, '--json', json)
  // Two tenths of a second are too short to tell a thing, which is not what is asked here.
  expect([0, 1, 3]).toContain(ended.code)
  expect(ended.stdout).toMatch(/^get-user:\n\n\| Metric .*\n.*\n.*\n\| CPU\/request +\|/m)
  expect(ended.stdout).not.toContain('FAILED')
  expect(ended.stderr).toContain('starting fork 1 of 3')

  const result = JSON.parse(await readFile(json, 'utf8')) as Result
  const { base, scenarios, options, baseSubject, cores } = result
  expect(cores !== undefined).toBe(process.platform === 'linux' && availableParallelism() > 1)
  expect({ options, baseSubject }).toMatchObject({
    options: { forks: 3, rounds: 2 },
    baseSubject: 'the same again',
  })
  for (const side of [base ?? [], scenarios]) {
    expect(side.map(forksOf)).toEqual([
      ['get-user', [0, 0, 1, 1, 2, 2]],
      ['refresh', [0, 0, 1, 1, 2, 2]],
    ])
  }
  expect((await readdir(folder)).filter(name => name.startsWith(`${SERVICE_ID}-`))).toEqual([])
})

function forksOf({ name, rounds }: ScenarioResult) {
  return [name, rounds.map(({ fork }) => fork)]
}
